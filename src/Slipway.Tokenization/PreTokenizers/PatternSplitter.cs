using System.Text.RegularExpressions;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>Splits at the matches of a pattern, or between them where <paramref name="invert"/> is set.</summary>
/// <param name="pattern">The pattern.</param>
/// <param name="behavior">One of <see cref="SplitBehavior.Names"/>.</param>
/// <param name="invert">Whether the delimiters are what the pattern does not match.</param>
/// <param name="source">The file that the pattern is from; null where it is built in.</param>
internal sealed partial class PatternSplitter(Regex pattern, string behavior, bool invert, string? source)
    : TextSplitter
{
    public static PatternSplitter Parse(Section section) => new(
        Pattern.Parse(section["pattern"]), ParseBehavior(section, null), section.Bool("invert", false), section.Source);

    public static string ParseBehavior(Section section, string? missing)
    {
        var behavior = missing is not null && section["behavior"].IsNull ? missing : section.String("behavior");
        return SplitBehavior.Names.Contains(behavior) ? behavior : throw section["behavior"].Wrong(
            "one of " + string.Join(", ", SplitBehavior.Names.Select(name => $"'{name}'")));
    }

    /// <summary>Runs of word characters, and runs of what is neither that nor white space.</summary>
    [GeneratedRegex(
        @"[\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u200C\u200D\u24B6-\u24E9]+"
        + @"|[^\s\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u200C\u200D\u24B6-\u24E9]+",
        RegexOptions.CultureInvariant)]
    public static partial Regex Words();

    public override void Split(Piece piece, List<Piece> pieces)
    {
        var parts = Pattern.Guard(
            () => PatternMatching.Parts(pattern, piece.Text), pattern, piece.Text, source);
        if (behavior == "Isolated")
        {
            pieces.AddRange(parts.Select(part => piece.Slice(part.Start, part.End)));
            return;
        }

        if (invert)
        {
            parts = [.. parts.Select(part => (part.Start, part.End, !part.IsMatch))];
        }

        SplitBehavior.Apply(behavior, piece, parts, pieces);
    }
}
