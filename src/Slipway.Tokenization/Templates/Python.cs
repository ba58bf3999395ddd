using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Templates;

/// <summary>How Python writes values: <c>str</c>, <c>repr</c> and <c>json.dumps</c>.</summary>
internal static class Python
{
    public static string Str(object? value) => value switch
    {
        string text => text,
        Undefined => string.Empty,
        _ => Repr(value),
    };

    public static string Repr(object? value)
    {
        StringBuilder output = new();
        Repr(value, output);
        return output.ToString();
    }

    public static string Float(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        string text = value.ToString("E16", CultureInfo.InvariantCulture);
        int exponent = int.Parse(text.AsSpan(text.IndexOf('E') + 1), CultureInfo.InvariantCulture);
        string shortest = value.ToString("R", CultureInfo.InvariantCulture);
        if (value != 0 && exponent is < -4 or >= 16)
        {
            string scientific = shortest.Contains('E') ? shortest : Scientific(shortest, exponent);
            int mark = scientific.IndexOf('E');
            int power = int.Parse(scientific.AsSpan(mark + 1), CultureInfo.InvariantCulture);
            return $"{scientific[..mark]}e{(power < 0 ? "-" : "+")}{Math.Abs(power):00}";
        }

        string plain = shortest.Contains('E') ? ((decimal)value).ToString(CultureInfo.InvariantCulture) : shortest;
        return plain.Contains('.') ? plain : plain + ".0";
    }

    /// <summary><c>json.dumps</c> with <c>ensure_ascii=False</c>.</summary>
    public static string Json(object? value, int? indent, string item, string key, bool sort, Func<string, Exception> error)
    {
        StringBuilder output = new();
        Json(value, output, indent, 0, item, key, sort, error);
        return output.ToString();
    }

    private static string Scientific(string plain, int exponent)
    {
        string digits = plain.Replace(".", "").Replace("-", "").TrimStart('0').TrimEnd('0');
        string sign = plain[0] == '-' ? "-" : "";
        return $"{sign}{digits[0]}{(digits.Length > 1 ? "." + digits[1..] : "")}E{exponent}";
    }

    private static void Repr(object? value, StringBuilder output)
    {
        Grow(value, output);
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (value)
        {
            case null:
                output.Append("None");
                break;
            case bool flag:
                output.Append(flag ? "True" : "False");
                break;
            case long number:
                output.Append(number.ToString(CultureInfo.InvariantCulture));
                break;
            case double number:
                output.Append(Float(number));
                break;
            case string text:
                Quote(text, output);
                break;
            case List<object?> list:
                Join(output, '[', ']', list, entry => Repr(entry, output));
                break;
            case OrderedDictionary<string, object?> fields:
                Join(output, '{', '}', fields, pair =>
                {
                    Quote(pair.Key, output);
                    output.Append(": ");
                    Repr(pair.Value, output);
                });
                break;
            case Undefined:
                output.Append("Undefined");
                break;
            case Callable function:
                output.Append(CultureInfo.InvariantCulture, $"<function {function.Name}>");
                break;
            default:
                output.Append("<namespace>");
                break;
        }
    }

    // Values share their parts, so what is small in memory can be endless on paper.
    private static void Grow(object? value, StringBuilder output)
    {
        Work.Count(1 + (value is string text ? text.Length / 64 : 0));
        Work.CheckLength((long)output.Length + (value is string next ? next.Length : 0));
    }

    private static void Join<T>(StringBuilder output, char open, char close, IEnumerable<T> items, Action<T> write)
    {
        output.Append(open);
        string separator = string.Empty;
        foreach (T item in items)
        {
            output.Append(separator);
            write(item);
            separator = ", ";
        }

        output.Append(close);
    }

    private static void Quote(string text, StringBuilder output)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        output.Append(quote);
        foreach (char c in text)
        {
            _ = c switch
            {
                '\\' => output.Append("\\\\"),
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                _ when c == quote => output.Append('\\').Append(c),
                < ' ' or '\x7f' => output.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}"),
                _ => output.Append(c),
            };
        }

        output.Append(quote);
    }

    private static void Json(
        object? value, StringBuilder output, int? indent, int depth, string item, string key, bool sort,
        Func<string, Exception> error)
    {
        Grow(value, output);
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (value)
        {
            case null:
                output.Append("null");
                break;
            case bool flag:
                output.Append(flag ? "true" : "false");
                break;
            case double number when !double.IsFinite(number):
                output.Append(double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
                break;
            case long or double:
                output.Append(Repr(value));
                break;
            case string text:
                JsonString(text, output);
                break;
            case List<object?> list:
                Block(output, '[', ']', list, indent, depth, item, entry =>
                    Json(entry, output, indent, depth + 1, item, key, sort, error));
                break;
            case OrderedDictionary<string, object?> fields:
                IEnumerable<KeyValuePair<string, object?>> pairs =
                    sort ? fields.OrderBy(pair => pair.Key, StringComparer.Ordinal) : fields;
                Block(output, '{', '}', pairs, indent, depth, item, pair =>
                {
                    JsonString(pair.Key, output);
                    output.Append(key);
                    Json(pair.Value, output, indent, depth + 1, item, key, sort, error);
                });
                break;
            default:
                throw error($"{Repr(value)} cannot be written as JSON.");
        }
    }

    private static void Block<T>(
        StringBuilder output, char open, char close, IEnumerable<T> items, int? indent, int depth, string item,
        Action<T> write)
    {
        output.Append(open);
        bool first = true;
        foreach (T entry in items)
        {
            if (!first)
            {
                output.Append(item);
            }

            NewLine(output, indent, depth + 1);
            write(entry);
            first = false;
        }

        if (!first)
        {
            NewLine(output, indent, depth);
        }

        output.Append(close);
    }

    private static void NewLine(StringBuilder output, int? indent, int depth)
    {
        if (indent is { } width)
        {
            output.Append('\n').Append(' ', width * depth);
        }
    }

    private static void JsonString(string text, StringBuilder output)
    {
        output.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => output.Append("\\\""),
                '\\' => output.Append("\\\\"),
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                '\b' => output.Append("\\b"),
                '\f' => output.Append("\\f"),
                < ' ' => output.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => output.Append(c),
            };
        }

        output.Append('"');
    }
}
