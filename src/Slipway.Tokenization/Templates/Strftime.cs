using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Templates;

/// <summary>
/// Writes a time as C's <c>strftime</c> does in the C locale, with the additions of Python and glibc.
/// </summary>
/// <param name="time">The time to write.</param>
/// <param name="zone">The zone that <c>%Z</c> names.</param>
internal sealed class Strftime(DateTimeOffset time, TimeZoneInfo zone)
{
    private const int MaxWidth = 256;

    public string Format(string format)
    {
        StringBuilder output = new();
        for (var at = 0; at < format.Length; at++)
        {
            if (format[at] != '%')
            {
                output.Append(format[at]);
                continue;
            }

            // Flags, a width and the modifiers E and O may stand before the letter.
            var start = at++;
            var (padding, upper, swap) = ('\0', false, false);
            for (; at < format.Length && format[at] is ('-' or '_' or '0' or '^' or '#'); at++)
            {
                (padding, upper, swap) = format[at] switch
                {
                    '^' => (padding, true, swap),
                    '#' => (padding, upper, true),
                    _ => (format[at], upper, swap),
                };
            }

            var digits = at;
            while (at < format.Length && char.IsAsciiDigit(format[at]))
            {
                at++;
            }

            var width = at == digits ? 0 : at - digits > 3 ? MaxWidth : int.Parse(
                format.AsSpan(digits, at - digits), CultureInfo.InvariantCulture);
            at += at < format.Length && format[at] is ('E' or 'O') ? 1 : 0;
            if (at >= format.Length)
            {
                output.Append(format, start, format.Length - start);
                break;
            }

            if (format[at] == ':' && at + 1 < format.Length && format[at + 1] == 'z')
            {
                at++;
                output.Append(Offset(":"));
                continue;
            }

            output.Append(Adjusted(format[at], padding, width, upper, swap));
            Work.CheckLength(output.Length);
        }

        return output.ToString();
    }

    private string Adjusted(char letter, char padding, int width, bool upper, bool swap)
    {
        var (text, fill, ownWidth) = Directive(letter);
        var min = padding == '-' ? 0 : Math.Max(width, ownWidth);
        if (min >= MaxWidth)
        {
            throw Work.Error($"'strftime_now' writes fields of fewer than {MaxWidth} characters.");
        }

        text = text.PadLeft(min, padding switch { '_' => ' ', '0' => '0', _ => fill });
        return swap && letter is ('p' or 'Z') ? text.ToLowerInvariant()
            : upper || (swap && letter is ('a' or 'A' or 'b' or 'B' or 'h')) ? text.ToUpperInvariant()
            : text;
    }

    // The text, and how it is padded: its fill and its width.
    private (string Text, char Fill, int Width) Directive(char letter) => letter switch
    {
        'Y' => (Number(time.Year), '0', 0),
        'y' => (Number(time.Year % 100), '0', 2),
        'C' => (Number(time.Year / 100), '0', 2),
        'G' => (Number(ISOWeek.GetYear(time.DateTime)), '0', 0),
        'g' => (Number(ISOWeek.GetYear(time.DateTime) % 100), '0', 2),
        'm' => (Number(time.Month), '0', 2),
        'd' => (Number(time.Day), '0', 2),
        'e' => (Number(time.Day), ' ', 2),
        'j' => (Number(time.DayOfYear), '0', 3),
        'H' => (Number(time.Hour), '0', 2),
        'k' => (Number(time.Hour), ' ', 2),
        'I' => (Number(Hour12), '0', 2),
        'l' => (Number(Hour12), ' ', 2),
        'M' => (Number(time.Minute), '0', 2),
        'S' => (Number(time.Second), '0', 2),
        'f' => (Number((int)(time.Ticks % TimeSpan.TicksPerSecond / 10)), '0', 6),
        's' => (time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), '0', 0),
        'U' => (Number((time.DayOfYear + 6 - (int)time.DayOfWeek) / 7), '0', 2),
        'W' => (Number((time.DayOfYear + 6 - (((int)time.DayOfWeek + 6) % 7)) / 7), '0', 2),
        'V' => (Number(ISOWeek.GetWeekOfYear(time.DateTime)), '0', 2),
        'w' => (Number((int)time.DayOfWeek), '0', 1),
        'u' => (Number((((int)time.DayOfWeek + 6) % 7) + 1), '0', 1),
        'a' => (Text("ddd"), ' ', 0),
        'A' => (Text("dddd"), ' ', 0),
        'b' or 'h' => (Text("MMM"), ' ', 0),
        'B' => (Text("MMMM"), ' ', 0),
        'p' => (time.Hour < 12 ? "AM" : "PM", ' ', 0),
        'P' => (time.Hour < 12 ? "am" : "pm", ' ', 0),
        'c' => (Format("%a %b %e %H:%M:%S %Y"), ' ', 0),
        'x' or 'D' => (Format("%m/%d/%y"), ' ', 0),
        'X' or 'T' => (Format("%H:%M:%S"), ' ', 0),
        'F' => (Format("%Y-%m-%d"), ' ', 0),
        'R' => (Format("%H:%M"), ' ', 0),
        'r' => (Format("%I:%M:%S %p"), ' ', 0),
        'z' => (Offset(""), ' ', 0),
        'Z' => (ZoneNames.Of(time, zone), ' ', 0),
        'n' => ("\n", ' ', 0),
        't' => ("\t", ' ', 0),
        '%' => ("%", ' ', 0),
        _ => throw Work.Error($"'strftime_now' does not know the directive '%{letter}'."),
    };

    private int Hour12 => time.Hour % 12 == 0 ? 12 : time.Hour % 12;

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private string Text(string format) => time.ToString(format, CultureInfo.InvariantCulture);

    private string Offset(string separator) =>
        (time.Offset < TimeSpan.Zero ? "-" : "+")
        + time.Offset.ToString($"hh'{separator}'mm", CultureInfo.InvariantCulture);
}
