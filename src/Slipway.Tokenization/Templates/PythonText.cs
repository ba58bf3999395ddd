using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates;

/// <summary>Python's way of writing values: <c>str</c> and <c>repr</c>.</summary>
internal static class PythonText
{
    public static string Str(object? value) => value switch
    {
        string text => text,
        Markup markup => markup.Text,
        Undefined => string.Empty,
        _ => Repr(value),
    };

    public static string Repr(object? value)
    {
        StringBuilder output = new();
        Repr(value, output, shortens: false);
        return output.ToString();
    }

    /// <summary>The value for a message: its beginning only, and whatever it is.</summary>
    public static string ShortRepr(object? value)
    {
        switch (value)
        {
            case string text:
                return Repr(Quoted.Short(text));
            case Markup markup:
                return Repr(Quoted.Short(markup.Text));
            case List<object?> list:
                return $"a list of {list.Count}";
            case TemplateDictionary fields:
                return $"a dictionary of {fields.Count}";
            case Generator:
                return "a generator";
            default:
                StringBuilder output = new();
                Repr(value, output, shortens: true);
                return Quoted.Short(output.ToString());
        }
    }

    public static string Float(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        // The shortest digits that are this number, and the power of ten of the first one.
        var text = value.ToString("E16", CultureInfo.InvariantCulture);
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var sign = shortest[0] == '-' ? "-" : "";
        var mantissa = shortest.TrimStart('-').Split('E')[0];
        var digits = mantissa.Replace(".", "", StringComparison.Ordinal).Trim('0');
        if (digits.Length == 0)
        {
            return sign + "0.0";
        }

        var exponent = int.Parse(text.AsSpan(text.IndexOf('E') + 1), CultureInfo.InvariantCulture);
        if (digits.Length == 1 && digits[0] == '1'
            && double.Parse($"{sign}1E{exponent + 1}", CultureInfo.InvariantCulture) == value)
        {
            // Seventeen digits of nines where the shortest form is the next power of ten.
            exponent++;
        }

        return sign + (exponent is < -4 or >= 16
            ? $"{digits[0]}{(digits.Length > 1 ? "." : "")}{digits[1..]}"
                + $"e{(exponent < 0 ? "-" : "+")}{Math.Abs(exponent):00}"
            : exponent < 0 ? $"0.{new string('0', -exponent - 1)}{digits}"
            : digits.Length <= exponent + 1 ? $"{digits.PadRight(exponent + 1, '0')}.0"
            : $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}");
    }

    /// <summary>A text in quotes, with escapes for what cannot be printed.</summary>
    public static void Quote(string text, StringBuilder output)
    {
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        output.Append(quote);
        foreach (var rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '\\' => output.Append("\\\\"),
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                _ when rune.Value == quote => output.Append('\\').Append(quote),
                _ when CharacterKinds.IsPrintable(rune) => output.Append(rune),
                <= 0xFF => output.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"),
                <= 0xFFFF => output.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}"),
                _ => output.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}"),
            };
        }

        output.Append(quote);
    }

    /// <summary>
    /// Counts what is written, since values share their parts: what is small in memory can be endless on paper.
    /// </summary>
    public static void Grow(object? value, StringBuilder output)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        Work.Count(1 + (value is string text ? text.Length / 64 : 0));
        Work.CheckLength((long)output.Length + (value is string next ? next.Length : 0));
    }

    private static void Repr(object? value, StringBuilder output, bool shortens)
    {
        Grow(value, output);
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
            case BigInteger number:
                Work.Digits(number);
                output.Append(number.ToString(CultureInfo.InvariantCulture));
                break;
            case double number:
                output.Append(Float(number));
                break;
            case string text:
                Quote(text, output);
                break;
            case Markup markup:
                output.Append("Markup(");
                Quote(markup.Text, output);
                output.Append(')');
                break;
            case Values.Range range:
                output.Append(range.Repr);
                break;
            case TemplateTuple tuple:
                Join(output, "(", tuple.Count == 1 ? ",)" : ")", tuple, entry => Repr(entry, output, shortens));
                break;
            case DictionaryView view:
                Join(output, view.Name + "([", "])", view, entry => Repr(entry, output, shortens));
                break;
            case List<object?> list:
                Join(output, "[", "]", list, entry => Repr(entry, output, shortens));
                break;
            case TemplateDictionary fields:
                Write(fields, output, shortens);
                break;
            case Undefined:
                output.Append("Undefined");
                break;
            case Macro macro:
                output.Append("<Macro ");
                Quote(macro.Name, output);
                output.Append('>');
                break;
            case LoopState loop:
                output.Append(CultureInfo.InvariantCulture, $"<LoopContext {loop.Index}/{loop.Length}>");
                break;
            case Namespace space:
                output.Append("<Namespace ");
                Write(space.Attributes, output, shortens);
                output.Append('>');
                break;
            default:
                var kind = value switch { Callable f => $"the function '{f.Name}'", Generator => "a generator",
                    _ => "an object" };
                output.Append(shortens ? kind : throw Work.Error(
                    $"{kind} has no text of its own (Python prints its address). "
                    + (value is Generator ? "Put '| list' behind it." : "Call it.")));
                break;
        }
    }

    private static void Write(TemplateDictionary fields, StringBuilder output, bool shortens) =>
        Join(output, "{", "}", fields.Items, pair =>
        {
            Repr(pair.Key, output, shortens);
            output.Append(": ");
            Repr(pair.Value, output, shortens);
        });

    private static void Join<T>(StringBuilder output, string open, string close, IEnumerable<T> items, Action<T> write)
    {
        output.Append(open);
        var separator = string.Empty;
        foreach (var item in items)
        {
            output.Append(separator);
            write(item);
            separator = ", ";
        }

        output.Append(close);
    }
}
