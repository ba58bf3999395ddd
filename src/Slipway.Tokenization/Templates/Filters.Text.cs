using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Templates;

/// <content>Filters that make text or numbers.</content>
internal static partial class Filters
{
    private static string Json(object? value, CallArguments arguments)
    {
        int? indent = arguments.Get(0, "indent") is long width and >= 0 and <= 64 ? (int)width : null;
        (string item, string key) = (indent is null ? ", " : ",", ": ");
        if (arguments.Named.GetValueOrDefault("separators") is List<object?> and [string itemText, string keyText])
        {
            (item, key) = (itemText, keyText);
        }

        return Python.Json(
            value, indent, item, key, Values.IsTrue(arguments.Named.GetValueOrDefault("sort_keys")), arguments.Error);
    }

    private static string Indent(object? value, CallArguments arguments)
    {
        object? width = arguments.Get(0, "width", 4L);
        string prefix = width is string text ? text : new string(' ', (int)Math.Clamp(arguments.Integer(0, "width", 4), 0, 1024));
        bool first = Values.IsTrue(arguments.Get(1, "first", false)), blank = Values.IsTrue(arguments.Get(2, "blank", false));
        string[] lines = Python.Str(value).Split('\n');
        IEnumerable<string> indented = lines.Select((line, index) =>
            (index == 0 ? first : blank || line.Length > 0) ? prefix + line : line);
        Work.CheckLength(((long)lines.Length * prefix.Length) + lines.Sum(line => line.Length));
        return string.Join('\n', indented);
    }

    private static string Escape(string text) => text
        .Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("\"", "&#34;").Replace("'", "&#39;");

    private static string Join(object? value, CallArguments arguments)
    {
        string separator = Python.Str(arguments.Get(0, "d", string.Empty));
        string? attribute = arguments.Get(1, "attribute") as string;
        IEnumerable<string> parts = Items(value, arguments).Select(item =>
            Python.Str(attribute is null ? item : Evaluator.Attribute(item, attribute, arguments.Line)));
        return Joined(separator, parts);
    }

    /// <summary>The parts with the separator between them; stops where the text grows too long.</summary>
    public static string Joined(string separator, IEnumerable<string> parts)
    {
        StringBuilder output = new();
        bool first = true;
        foreach (string part in parts)
        {
            Work.Count();
            Work.CheckLength((long)output.Length + separator.Length + part.Length);
            output.Append(first ? string.Empty : separator).Append(part);
            first = false;
        }

        return output.ToString();
    }

    private static object? ToInteger(object? value, object? missing) => value switch
    {
        long => value,
        bool flag => flag ? 1L : 0L,
        double number when Math.Abs(number) < 9e18 => (long)number,
        string text when long.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) => number,
        string text when double.TryParse(text.Trim(), CultureInfo.InvariantCulture, out double number)
            && Math.Abs(number) < 9e18 => (long)number,
        _ => missing,
    };

    private static object? ToFloat(object? value, object? missing) => value switch
    {
        string text when double.TryParse(text.Trim(), CultureInfo.InvariantCulture, out double number) => number,
        _ => Values.AsNumber(value) is { } number ? number : missing,
    };
}
