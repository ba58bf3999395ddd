namespace Slipway.Speculation;

/// <summary>Guesses what follows some tokens.</summary>
/// <param name="tokens">Prompt and answer so far.</param>
/// <param name="guess">Where the guess goes.</param>
/// <returns>Whether there is one.</returns>
internal delegate bool TokenGuess(ReadOnlySpan<int> tokens, Span<int> guess);

/// <summary>Guesses one sequence's next tokens, as many as pays, and pauses where guessing loses.</summary>
/// <param name="most">The most tokens of a guess.</param>
internal sealed class Drafting(int most)
{
    // What one more token to check is taken to cost, in steps of one token. Many weights make it less, short contexts
    // and fast cores more; a guess must be right that often to pay.
    private const double TokenCost = 0.25;
    private const double Memory = 0.7;
    private const int FirstLength = 4;
    private const int ShortestLength = 2;
    private const int ShortestPause = 8;
    private const int LongestPause = 512;

    private readonly int[] draft = new int[most];
    private int length = Math.Min(most, FirstLength);
    private int count;
    private int right;
    private int pause = ShortestPause;
    private int resumesAt;
    private double gain;
    private double tokenCost;

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
    public ReadOnlyMemory<int> Draft(ReadOnlySpan<int> tokens, int room, TokenGuess guess, double cost = 0)
    {
        right = 0;
        tokenCost = TokenCost + cost;
        count = tokens.Length < resumesAt ? 0 : Math.Clamp(length, 0, Math.Max(room, 0));
        count = count > 0 && guess(tokens, draft.AsSpan(0, count)) ? count : 0;
        Drafted += count;
        return draft.AsMemory(0, count);
    }

    /// <summary>Compares a token that was chosen with the guess.</summary>
    /// <param name="id">The token.</param>
    /// <param name="tokens">How many tokens there are with it.</param>
    public void Observe(int id, int tokens)
    {
        if (count == 0)
        {
            return;
        }

        var isRight = draft[right] == id;
        right += isRight ? 1 : 0;
        Accepted += isRight ? 1 : 0;
        if (!isRight || right == count)
        {
            Judge(tokens);
            count = 0;
        }
    }

    private void Judge(int tokens)
    {
        length = right == count ? Math.Min(most, 2 * length) : Math.Min(most, Math.Max(right + 1, ShortestLength));
        gain = (Memory * gain) + right - (tokenCost * count);
        if (gain < 0)
        {
            resumesAt = tokens + pause;
            pause = Math.Min(2 * pause, LongestPause);
            gain = 0;
        }
        else if (right == count)
        {
            pause = ShortestPause;
        }
    }
}
