using System.Text.RegularExpressions;

namespace Slipway.Evaluation.Metrics;

/// <summary>Makes tokens of texts for BLEU.</summary>
internal static partial class BleuTokens
{
    public static string[] Of(string text, BleuOptions options)
    {
        var line = PythonText.TrimEnd(options.Lowercase ? PythonText.Lower(text) : text);
        return options.Tokenizer switch
        {
            BleuTokenizer.Mteval13A => Mteval13A(line),
            BleuTokenizer.Whitespace => PythonText.Split(line),
            BleuTokenizer.Character => PythonText.CodePoints(string.Concat(PythonText.Split(line))),
            _ => throw new ArgumentOutOfRangeException(
                nameof(options), options.Tokenizer, "Tokenizer is none of BleuTokenizer's values."),
        };
    }

    private static string[] Mteval13A(string line)
    {
        line = line.Replace("<skipped>", "", StringComparison.Ordinal)
            .Replace("-\n", "", StringComparison.Ordinal)
            .Replace('\n', ' ')
            .Replace("&quot;", "\"", StringComparison.Ordinal)
            .Replace("&amp;", "&", StringComparison.Ordinal)
            .Replace("&lt;", "<", StringComparison.Ordinal)
            .Replace("&gt;", ">", StringComparison.Ordinal);
        line = Symbols().Replace($" {line} ", " $1 ");
        line = PointAfterOther().Replace(line, "$1 $2 ");
        line = PointBeforeOther().Replace(line, " $1 $2");
        return PythonText.Split(DashAfterDigit().Replace(line, "$1 $2 "));
    }

    // ASCII's symbols but for apostrophe, comma, hyphen and full stop.
    [GeneratedRegex(@"([\{-\~\[-\` -\&\(-\+\:-\@\/])")]
    private static partial Regex Symbols();

    [GeneratedRegex(@"([^0-9])([.,])", RegexOptions.Singleline)]
    private static partial Regex PointAfterOther();

    [GeneratedRegex(@"([.,])([^0-9])", RegexOptions.Singleline)]
    private static partial Regex PointBeforeOther();

    [GeneratedRegex(@"([0-9])(-)")]
    private static partial Regex DashAfterDigit();
}
