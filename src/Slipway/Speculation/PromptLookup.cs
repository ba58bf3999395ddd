namespace Slipway.Speculation;

/// <summary>Guesses the next tokens from what followed the last ones when they came up before.</summary>
/// <remarks>Source: Saxena, "Prompt lookup decoding", 2023.</remarks>
internal static class PromptLookup
{
    /// <summary>The shortest repetition that is taken for one.</summary>
    public const int ShortestMatch = 2;

    private const int LongestMatch = 16;

    // Bounds the search where the last token is one of the text's most frequent.
    private const int MaxCandidates = 256;

    /// <summary>Writes what followed the longest, and of equals the latest, repetition of the last tokens.</summary>
    /// <param name="tokens">Prompt and answer so far.</param>
    /// <param name="draft">Where the guess goes; where it reaches the end of the tokens it goes on with itself.</param>
    /// <returns>Whether there is a guess.</returns>
    public static bool TryDraft(ReadOnlySpan<int> tokens, Span<int> draft)
    {
        if (tokens.Length <= ShortestMatch || draft.IsEmpty)
        {
            return false;
        }

        var end = tokens.Length - 1;
        var (longest, source) = (ShortestMatch - 1, 0);
        var at = tokens[..end].LastIndexOf(tokens[end]);
        for (var left = MaxCandidates; at >= 0 && left > 0 && longest < LongestMatch; left--)
        {
            var match = 1;
            while (match < LongestMatch && match <= at && tokens[at - match] == tokens[end - match])
            {
                match++;
            }

            if (match > longest)
            {
                (longest, source) = (match, at + 1);
            }

            at = tokens[..at].LastIndexOf(tokens[end]);
        }

        for (var i = 0; source > 0 && i < draft.Length; i++)
        {
            var from = source + i;
            draft[i] = from < tokens.Length ? tokens[from] : draft[from - tokens.Length];
        }

        return source > 0;
    }
}
