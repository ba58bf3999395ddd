namespace Slipway.Evaluation.Perplexity;

/// <summary>Cuts a text's tokens into windows.</summary>
internal static class TextWindows
{
    /// <summary>Cuts consecutive windows.</summary>
    /// <remarks>
    /// What is left at the end and shorter than a window is left out, unless it is all there is.
    /// </remarks>
    /// <param name="ids">The text's tokens, without any that begin a sequence.</param>
    /// <param name="prefix">Tokens that begin each window.</param>
    /// <param name="options">Checked options.</param>
    /// <exception cref="ArgumentException">There are too few tokens.</exception>
    public static IReadOnlyList<TextWindow> Cut(
        IReadOnlyList<int> ids, IReadOnlyList<int> prefix, PerplexityOptions options)
    {
        if (ids.Count + Math.Min(prefix.Count, 1) < 2 || prefix.Count >= options.Window)
        {
            throw new ArgumentException(
                $"The text has '{ids.Count}' tokens and each window starts with '{prefix.Count}' more, so nothing is "
                + $"left to predict in windows of '{options.Window}'. Give a longer text or a larger Window.",
                nameof(ids));
        }

        var length = Math.Min(options.Window - prefix.Count, ids.Count);
        var stride = options.Stride ?? length;
        var windows = new List<TextWindow>();
        for (var start = 0; start + length <= ids.Count
            && windows.Count < (options.Windows ?? int.MaxValue); start += stride)
        {
            // Without a prefix nothing predicts a window's first token.
            var known = start == 0 ? 0 : Math.Max(0, length - stride);
            var first = Math.Max(prefix.Count + known, 1);
            windows.Add(new TextWindow([.. prefix, .. ids.Skip(start).Take(length)], first));
        }

        return windows;
    }
}

/// <summary>Holds the tokens of a window and the first of them that is scored.</summary>
internal sealed record TextWindow(int[] Ids, int FirstScored);
