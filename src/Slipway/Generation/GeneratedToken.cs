namespace Slipway;

/// <summary>One token of an answer.</summary>
/// <remarks>
/// The texts of all tokens together are the answer. A token's own text may be empty: half a character waits for its
/// other half, and text that could begin a stop sequence waits until that is decided.
/// </remarks>
public sealed record GeneratedToken
{
    /// <summary>The token's id.</summary>
    public required int Id { get; init; }

    /// <summary>The answer that the token belongs to, from 0, where the request asks for several.</summary>
    public int SequenceIndex { get; init; }

    /// <summary>The text that became certain with this token; never half a character.</summary>
    public string Text { get; init; } = "";

    /// <summary>The natural logarithm of the token's probability; null unless the request asks for it.</summary>
    /// <remarks>Taken from the model's own distribution, before penalties, temperature and cut-offs.</remarks>
    public float? LogProbability { get; init; }

    /// <summary>
    /// The most probable tokens at this position, best first; empty unless the request asks for them.
    /// </summary>
    public IReadOnlyList<TokenLogProbability> Alternatives { get; init; } = [];

    /// <summary>Why the answer ends here; null on every token but the last.</summary>
    public FinishReason? FinishReason { get; init; }

    /// <summary>The request's counts and times; null on every token but the last.</summary>
    public Usage? Usage { get; init; }
}

/// <summary>A token and the natural logarithm of its probability.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="LogProbability">The natural logarithm of its probability.</param>
public readonly record struct TokenLogProbability(int Id, float LogProbability);
