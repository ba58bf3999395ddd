namespace Slipway.Speculation;

/// <summary>Guesses what follows some tokens.</summary>
/// <param name="tokens">Prompt and answer so far.</param>
/// <param name="guess">Where the guess goes.</param>
/// <returns>Whether there is one.</returns>
internal delegate bool DraftProposal(ReadOnlySpan<int> tokens, Span<int> guess);

/// <summary>Guesses one sequence's next tokens, as many as pays, and pauses where guessing loses.</summary>
/// <param name="max">The most tokens of a guess.</param>
internal sealed class AdaptiveDraftLength(int max)
{
    // What one more token to check is taken to cost, in steps of one token. Many weights make it less, short contexts
    // and fast cores more; a guess must be right that often to pay.
    private const double TokenCost = 0.25;
    private const double Memory = 0.7;
    private const int FirstLength = 4;
    private const int ShortestLength = 2;
    private const int ShortestPause = 8;
    private const int LongestPause = 512;

    private readonly int[] _draft = new int[max];
    private int _length = Math.Min(max, FirstLength);
    private int _count;
    private int _right;
    private int _pause = ShortestPause;
    private int _resumesAt;
    private double _gain;
    private double _tokenCost;

    /// <summary>Tokens guessed so far.</summary>
    public int Drafted { get; private set; }

    /// <summary>Guesses that turned out to be the tokens chosen.</summary>
    public int Accepted { get; private set; }

    /// <summary>Guesses the tokens that follow; none where there is nothing to go by, or it does not pay.</summary>
    /// <param name="tokens">Prompt and answer so far.</param>
    /// <param name="room">The most tokens that can be checked now.</param>
    /// <param name="guess">What guesses.</param>
    /// <param name="cost">What guessing a token takes beside checking it, in steps of one token.</param>
    /// <returns>The guess, valid until the next one.</returns>
    public ReadOnlyMemory<int> Draft(ReadOnlySpan<int> tokens, int room, DraftProposal guess, double cost = 0)
    {
        _right = 0;
        _tokenCost = TokenCost + cost;
        _count = tokens.Length < _resumesAt ? 0 : Math.Clamp(_length, 0, Math.Max(room, 0));
        _count = _count > 0 && guess(tokens, _draft.AsSpan(0, _count)) ? _count : 0;
        Drafted += _count;
        return _draft.AsMemory(0, _count);
    }

    /// <summary>Compares a token that was chosen with the guess.</summary>
    /// <param name="id">The token.</param>
    /// <param name="tokens">How many tokens there are with it.</param>
    public void Observe(int id, int tokens)
    {
        if (_count == 0)
        {
            return;
        }

        var isRight = _draft[_right] == id;
        _right += isRight ? 1 : 0;
        Accepted += isRight ? 1 : 0;
        if (!isRight || _right == _count)
        {
            UpdateAcceptance(tokens);
            _count = 0;
        }
    }

    private void UpdateAcceptance(int tokens)
    {
        _length = _right == _count ? Math.Min(max, 2 * _length) : Math.Min(max, Math.Max(_right + 1, ShortestLength));
        _gain = (Memory * _gain) + _right - (_tokenCost * _count);
        if (_gain < 0)
        {
            _resumesAt = tokens + _pause;
            _pause = Math.Min(2 * _pause, LongestPause);
            _gain = 0;
        }
        else if (_right == _count)
        {
            _pause = ShortestPause;
        }
    }
}
