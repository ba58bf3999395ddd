using Slipway.Engine;

namespace Slipway;

// What depends on the adapter that a request chooses.
public sealed partial class LanguageModel
{
    private readonly AdapterSet? _adapters;

    /// <summary>The LoRA adapters that requests can choose between.</summary>
    public IReadOnlyList<string> Adapters { get; }

    /// <summary>Runs a sequence once and returns the logits of every position.</summary>
    /// <param name="ids">Token ids; at least one, at most <see cref="ContextLength"/>.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>Logits of every position; <c>4 · positions · vocabulary</c> bytes.</returns>
    /// <exception cref="ArgumentException">There are no ids, too many, or one outside the vocabulary.</exception>
    public Task<TokenLogits> ForwardAsync(IReadOnlyList<int> ids, CancellationToken cancellationToken = default)
        => ForwardAsync(ids, adapter: null, cancellationToken);

    /// <summary>Runs a sequence once with an adapter and returns the logits of every position.</summary>
    /// <param name="ids">Token ids; at least one, at most <see cref="ContextLength"/>.</param>
    /// <param name="adapter">One of <see cref="Adapters"/>; null for the model alone.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>Logits of every position; <c>4 · positions · vocabulary</c> bytes.</returns>
    /// <exception cref="ArgumentException">
    /// There are no ids, too many, or one outside the vocabulary; or there is no such adapter.
    /// </exception>
    public async Task<TokenLogits> ForwardAsync(
        IReadOnlyList<int> ids,
        string? adapter,
        CancellationToken cancellationToken = default)
    {
        RequestValidation.ValidateIds(ids, ContextLength, VocabularySize, nameof(ids));
        var result = new TokenLogits(ids.Count, VocabularySize);
        await ScoreAsync(
            ids,
            AdapterId(adapter, nameof(adapter)),
            (start, logits) => logits.CopyTo(result.Values.AsSpan(start * VocabularySize)),
            cancellationToken).ConfigureAwait(false);
        return result;
    }

    private int AdapterId(string? name, string parameter)
        => name is null ? 0 : _adapters?.IdOf(name) is > 0 and var id ? id : throw new ArgumentException(
            $"The request asks for the adapter '{Excerpt.Of(name)}'; the package '{Package.Path}' has "
            + (Adapters.Count == 0
                ? "none. Export it with the adapter, or ask for none."
                : $"{Excerpt.OfList(Adapters)}. Ask for one of them, or for none."),
            parameter);
}
