using System.Globalization;
using System.Text.RegularExpressions;

namespace Slipway.Evaluation.Tasks;

/// <summary>Finds numbers in answers.</summary>
internal static partial class NumberText
{
    private const string Marker = "####";

    /// <summary>Gives the first number; null where there is none.</summary>
    public static decimal? First(string text)
        => Number().Match(text) is { Success: true } match ? Parse(match.Value) : null;

    /// <summary>
    /// Gives the number after the last <c>####</c>, as GSM8K marks answers, or else the last number; null where there
    /// is none.
    /// </summary>
    public static decimal? Final(string text)
    {
        var marker = text.LastIndexOf(Marker, StringComparison.Ordinal);
        if (marker >= 0 && First(text[(marker + Marker.Length)..]) is { } marked)
        {
            return marked;
        }

        var all = Number().Matches(text);
        return all.Count > 0 ? Parse(all[^1].Value) : null;
    }

    private static decimal? Parse(string number)
        => decimal.TryParse(
            number.Replace(",", "", StringComparison.Ordinal).Replace("$", "", StringComparison.Ordinal)
                .Replace('\u2212', '-'),
            NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;

    // A minus that joins two numbers, as in '3-4', is none of the second's; the dash of typography is one too, and
    // '-$5' is as negative as '-5'. Commas part thousands.
    [GeneratedRegex(
        @"(?<![\d.])[-\u2212]?\$?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?|(?<=[\d.][-\u2212])\d+(\.\d+)?"
        + @"|(?<!\d)[-\u2212]?\$?\.\d+")]
    private static partial Regex Number();
}
