using System.Text.RegularExpressions;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>Splits at the matches of a pattern, or between them where <paramref name="invert"/> is set.</summary>
/// <param name="pattern">The pattern.</param>
/// <param name="behavior">One of <see cref="SplitBehavior.Names"/>.</param>
/// <param name="invert">Whether the delimiters are what the pattern does not match.</param>
internal sealed class PatternSplitter(Pattern pattern, string behavior, bool invert) : TextSplitter
{
    public static PatternSplitter Parse(Section section) => new(
        Pattern.Parse(section["pattern"]), ParseBehavior(section, null), section.Bool("invert", false));

    public static string ParseBehavior(Section section, string? missing)
    {
        var behavior = missing is not null && section["behavior"].IsNull ? missing : section.String("behavior");
        return SplitBehavior.Names.Contains(behavior) ? behavior : throw section["behavior"].Wrong(
            "one of " + string.Join(", ", SplitBehavior.Names.Select(name => $"'{name}'")));
    }

    public override void Split(Piece piece, List<Piece> pieces)
    {
        try
        {
            if (behavior == "Isolated")
            {
                foreach (var (start, end, _) in new PatternParts(pattern, piece.Text))
                {
                    pieces.Add(piece.Slice(start, end));
                }

                return;
            }

            List<(int Start, int End, bool IsDelimiter)> parts = [];
            foreach (var (start, end, isMatch) in new PatternParts(pattern, piece.Text))
            {
                parts.Add((start, end, isMatch != invert));
            }

            SplitBehavior.Apply(behavior, piece, parts, pieces);
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw pattern.TimedOut(piece.Length, exception);
        }
    }
}
