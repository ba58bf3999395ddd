namespace Slipway.Speculation;

/// <summary>Drafts the next tokens from what followed the last ones where they occurred before.</summary>
/// <remarks>Source: Saxena, "Prompt lookup decoding", 2023.</remarks>
internal static class PromptLookup
{
    /// <summary>The shortest repetition that counts.</summary>
    public const int MinMatch = 2;

    private const int MaxMatch = 16;

    // Bounds the search where the last token is one of the text's most frequent.
    private const int MaxCandidates = 256;

    /// <summary>Writes what followed the longest, and of equals the latest, repetition of the last tokens.</summary>
    /// <param name="tokens">Prompt and answer so far.</param>
    /// <param name="draft">Where the draft goes; a draft that reaches the end of the tokens goes on with
    /// itself.</param>
    /// <returns>Whether there is a draft.</returns>
    public static bool TryDraft(ReadOnlySpan<int> tokens, Span<int> draft)
    {
        if (tokens.Length <= MinMatch || draft.IsEmpty)
        {
            return false;
        }

        var end = tokens.Length - 1;
        var (longest, source) = (MinMatch - 1, 0);
        var at = tokens[..end].LastIndexOf(tokens[end]);
        for (var left = MaxCandidates; at >= 0 && left > 0 && longest < MaxMatch; left--)
        {
            var match = 1;
            while (match < MaxMatch && match <= at && tokens[at - match] == tokens[end - match])
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
