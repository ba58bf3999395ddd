using System.Text.RegularExpressions;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>Splits at the matches of a pattern.</summary>
internal sealed class PatternSplitter(Regex pattern, string behavior, bool invert) : TextSplitter
{
    private static readonly string[] Behaviors =
        ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"];

    public static PatternSplitter Parse(Section section)
    {
        string behavior = section.String("behavior");
        return Behaviors.Contains(behavior)
            ? new PatternSplitter(Pattern.Parse(section["pattern"]), behavior, section.Bool("invert", false))
            : throw section["behavior"].Wrong("one of " + string.Join(", ", Behaviors.Select(name => $"'{name}'")));
    }

    public static void SplitIsolated(Regex pattern, string text, Range range, List<Range> pieces)
    {
        (int offset, int length) = range.GetOffsetAndLength(text.Length);
        int start = offset;
        foreach (ValueMatch match in pattern.EnumerateMatches(text.AsSpan(offset, length)))
        {
            int at = offset + match.Index;
            if (at > start)
            {
                pieces.Add(start..at);
            }

            if (match.Length > 0)
            {
                pieces.Add(at..(at + match.Length));
            }

            start = at + match.Length;
        }

        if (start < offset + length)
        {
            pieces.Add(start..(offset + length));
        }
    }

    public override void Split(string text, Range range, List<Range> pieces)
    {
        if (behavior == "Isolated")
        {
            SplitIsolated(pattern, text, range, pieces);
            return;
        }

        bool mergeNext = false;
        foreach ((Range part, bool isMatch) in Parts(text, range))
        {
            switch (behavior)
            {
                case "Removed" when isMatch:
                    break;
                case "MergedWithPrevious" when isMatch && pieces.Count > 0 && Touches(pieces[^1], part, range):
                case "MergedWithNext" when mergeNext:
                case "Contiguous" when isMatch && mergeNext:
                    pieces[^1] = pieces[^1].Start..part.End;
                    break;
                default:
                    pieces.Add(part);
                    break;
            }

            mergeNext = isMatch && behavior is "MergedWithNext" or "Contiguous" && isMatch;
        }
    }

    private static bool Touches(Range previous, Range part, Range whole) =>
        previous.End.Equals(part.Start) && previous.Start.Value >= whole.Start.Value;

    private List<(Range Part, bool IsMatch)> Parts(string text, Range range)
    {
        (int offset, int length) = range.GetOffsetAndLength(text.Length);
        List<(Range, bool)> parts = [];
        int start = offset;
        foreach (ValueMatch match in pattern.EnumerateMatches(text.AsSpan(offset, length)))
        {
            int at = offset + match.Index;
            if (at > start)
            {
                parts.Add((start..at, invert));
            }

            if (match.Length > 0)
            {
                parts.Add((at..(at + match.Length), !invert));
            }

            start = at + match.Length;
        }

        if (start < offset + length)
        {
            parts.Add((start..(offset + length), invert));
        }

        return parts;
    }
}
