namespace Slipway.Speculation;

/// <summary>Drafts what may follow some tokens.</summary>
/// <param name="tokens">Prompt and answer so far.</param>
/// <param name="draft">Where the draft goes.</param>
/// <returns>Whether there is a draft.</returns>
internal delegate bool TokenDraft(ReadOnlySpan<int> tokens, Span<int> draft);

/// <summary>Drafts one sequence's next tokens, as many as pay, and pauses where drafts lose.</summary>
/// <param name="max">The maximum of tokens of a draft.</param>
internal sealed class AdaptiveDraftLength(int max)
{
    // The time of verifying one more token, in decode steps: a draft must be right that often to pay. Many weights make
    // it less, short contexts and fast cores more.
    private const double TokenCost = 0.25;
    private const double Memory = 0.7;
    private const int FirstLength = 4;
    private const int MinLength = 2;
    private const int MinPause = 8;
    private const int MaxPause = 512;

    private readonly int[] _draft = new int[max];
    private int _length = Math.Min(max, FirstLength);
    private int _count;
    private int _accepted;
    private int _pause = MinPause;
    private int _resumesAt;
    private double _gain;
    private double _tokenCost;

    /// <summary>Tokens drafted so far.</summary>
    public int Drafted { get; private set; }

    /// <summary>Drafted tokens that were then chosen.</summary>
    public int Accepted { get; private set; }

    /// <summary>Drafts the tokens that follow; none where there is nothing to go by, or drafts do not pay.</summary>
    /// <param name="tokens">Prompt and answer so far.</param>
    /// <param name="room">The maximum of tokens that can be verified now.</param>
    /// <param name="draft">Makes the draft.</param>
    /// <param name="cost">The time of drafting a token beside verifying it, in decode steps.</param>
    /// <returns>The draft, valid until the next one.</returns>
    public ReadOnlyMemory<int> Draft(ReadOnlySpan<int> tokens, int room, TokenDraft draft, double cost = 0)
    {
        _accepted = 0;
        _tokenCost = TokenCost + cost;
        _count = tokens.Length < _resumesAt ? 0 : Math.Clamp(_length, 0, Math.Max(room, 0));
        _count = _count > 0 && draft(tokens, _draft.AsSpan(0, _count)) ? _count : 0;
        Drafted += _count;
        return _draft.AsMemory(0, _count);
    }

    /// <summary>Compares a token that was chosen with the draft.</summary>
    /// <param name="id">The token.</param>
    /// <param name="tokens">Tokens of the sequence, this one included.</param>
    public void Observe(int id, int tokens)
    {
        if (_count == 0)
        {
            return;
        }

        var isAccepted = _draft[_accepted] == id;
        _accepted += isAccepted ? 1 : 0;
        Accepted += isAccepted ? 1 : 0;
        if (!isAccepted || _accepted == _count)
        {
            UpdateAcceptance(tokens);
            _count = 0;
        }
    }

    private void UpdateAcceptance(int tokens)
    {
        _length = _accepted == _count
            ? Math.Min(max, 2 * _length) : Math.Min(max, Math.Max(_accepted + 1, MinLength));
        _gain = (Memory * _gain) + _accepted - (_tokenCost * _count);
        if (_gain < 0)
        {
            _resumesAt = tokens + _pause;
            _pause = Math.Min(2 * _pause, MaxPause);
            _gain = 0;
        }
        else if (_accepted == _count)
        {
            _pause = MinPause;
        }
    }
}
