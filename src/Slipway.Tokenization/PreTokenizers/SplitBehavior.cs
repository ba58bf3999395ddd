namespace Slipway.Tokenization.PreTokenizers;

/// <summary>Drops, isolates or joins the delimiters that a splitter finds.</summary>
internal static class SplitBehavior
{
    public static readonly string[] Names =
        ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"];

    /// <summary>
    /// Appends the parts of a piece; <paramref name="parts"/> are its slices in order, none of them empty.
    /// </summary>
    public static void Apply(
        string behavior, Piece piece, List<(int Start, int End, bool IsDelimiter)> parts, List<Piece> pieces)
    {
        int start = -1, end = 0;
        bool open = false, lastIsDelimiter = false;
        void Close()
        {
            if (start >= 0 && end > start)
            {
                pieces.Add(piece.Slice(start, end));
            }

            start = -1;
        }

        foreach (var (from, to, isDelimiter) in parts)
        {
            if (isDelimiter && behavior == "Removed")
            {
                Close();
                continue;
            }

            // A part joins the one before it where the behaviour says so, else it begins a piece of its own.
            var joins = start >= 0 && behavior switch
            {
                "MergedWithPrevious" => isDelimiter && !lastIsDelimiter,
                "MergedWithNext" => open && !isDelimiter,
                "Contiguous" => isDelimiter == lastIsDelimiter,
                _ => false,
            };
            if (!joins)
            {
                Close();
                start = from;
            }

            end = to;
            open = isDelimiter;
            lastIsDelimiter = isDelimiter;
        }

        Close();
    }
}
