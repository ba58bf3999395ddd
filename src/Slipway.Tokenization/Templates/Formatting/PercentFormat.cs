using System.Globalization;
using System.Numerics;
using System.Text;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Formatting;

/// <summary>Python's <c>format % values</c>.</summary>
/// <remarks>Source: the Python documentation, "printf-style String Formatting".</remarks>
internal sealed class PercentFormat
{
    private readonly string _format;
    private readonly object? _values;
    private readonly bool _escapes;
    private readonly StringBuilder _output = new();
    private int _at, _taken;

    private PercentFormat(string format, object? values, bool escapes) =>
        (_format, _values, _escapes) = (format, values, escapes);

    /// <summary>Puts values into a format.</summary>
    /// <param name="format">The text with its directives.</param>
    /// <param name="values">A tuple of values, a dictionary for directives with names, or one value.</param>
    /// <param name="escapes">Escapes texts that are put in, as a markup does.</param>
    public static string Apply(string format, object? values, bool escapes) =>
        new PercentFormat(format, values, escapes).Run();

    private string Run()
    {
        Work.Characters(_format.Length);
        while (_at < _format.Length)
        {
            var next = _format.IndexOf('%', _at);
            next = next < 0 ? _format.Length : next;
            Append(_format[_at..next]);
            _at = next + 1;
            if (next < _format.Length)
            {
                Append(Directive());
            }
        }

        var left = _values is TemplateTuple tuple ? _taken < tuple.Count
            : _taken == 0 && _values is not (List<object?> or TemplateDictionary);
        return left ? throw Work.Error("a format does not take all of its values.") : _output.ToString();
    }

    private void Append(string text)
    {
        Work.Characters(text.Length);
        Work.CheckLength((long)_output.Length + text.Length);
        _output.Append(text);
    }

    private string Directive()
    {
        object? value = null;
        var named = false;
        if (Peek() == '(')
        {
            var close = _at + 1;
            for (var depth = 1; depth > 0; close++)
            {
                depth += close >= _format.Length ? throw Work.Error("a name in a format has no ')'.")
                    : _format[close] == '(' ? 1 : _format[close] == ')' ? -1 : 0;
            }

            value = Named(_format[(_at + 1)..(close - 1)]);
            (named, _at) = (true, close);
        }

        var flags = string.Empty;
        while (Peek() is '#' or '0' or '-' or ' ' or '+')
        {
            flags += flags.Contains(_format[_at], StringComparison.Ordinal) ? "" : _format[_at].ToString();
            _at++;
        }

        var given = Number() ?? 0;
        var leftAligned = flags.Contains('-', StringComparison.Ordinal) || given < 0;
        var width = NumberText.Bounded(Math.Abs(given));
        int? precision = null;
        if (Peek() == '.')
        {
            _at++;
            precision = NumberText.Bounded(Math.Max(0, Number() ?? 0));
        }

        while (Peek() is 'h' or 'l' or 'L')
        {
            _at++;
        }

        var conversion = _at < _format.Length ? _format[_at++] : throw Work.Error("a format ends inside a directive.");
        if (conversion == '%')
        {
            return "%";
        }

        value = named ? value : Next();
        var (sign, text) = Convert(value, conversion, flags, precision);
        var missing = width - (int)Iteration.CodePoints(text) - sign.Length;
        return missing <= 0 ? sign + text
            : leftAligned ? sign + text + new string(' ', missing)
            : flags.Contains('0', StringComparison.Ordinal) && conversion is not ('s' or 'r' or 'a' or 'c')
                ? sign + new string('0', missing) + text
            : new string(' ', missing) + sign + text;
    }

    private (string Sign, string Text) Convert(object? value, char conversion, string flags, int? precision)
    {
        switch (conversion)
        {
            case 's':
                return ("", Cut(_escapes ? Markup.Escape(value) : PythonText.Str(value), precision));
            case 'r' or 'a':
                var repr = PythonText.Repr(value);
                return ("", Cut(conversion == 'a' ? FormatSpec.Ascii(repr) : repr, precision));
            case 'c':
                return ("", value switch
                {
                    string text when Iteration.CodePoints(text) == 1 => text,
                    long code when code is >= 0 and <= 0x10FFFF
                        && Rune.IsValid((int)code) => new Rune((int)code).ToString(),
                    _ => throw Wrong(conversion, value),
                });
            case 'd' or 'i' or 'u' or 'o' or 'x' or 'X':
                return OfInteger(value, conversion, flags, precision);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                var number = Numbers.AsDouble(value) ?? throw Wrong(conversion, value);
                return (Sign(value, flags), NumberText.OfFraction(
                    number, conversion, precision ?? 6, flags.Contains('#', StringComparison.Ordinal)));
            default:
                throw Work.Error($"the format '%{conversion}' is not known.");
        }
    }

    private static (string Sign, string Text) OfInteger(object? value, char conversion, string flags, int? precision)
    {
        var isDecimal = conversion is 'd' or 'i' or 'u';
        var number = Numbers.AsInteger(value) ?? (isDecimal && value is double fraction && double.IsFinite(fraction)
            ? new BigInteger(Math.Truncate(fraction)) : throw Wrong(conversion, value));
        var digits = NumberText.OfInteger(number, isDecimal ? 'd' : conversion).PadLeft(precision ?? 0, '0');
        var prefix = flags.Contains('#', StringComparison.Ordinal) && !isDecimal ? $"0{conversion}" : "";
        return (Sign(Numbers.Normalize(number), flags) + prefix, digits);
    }

    private static string Sign(object? value, string flags) => NumberText.IsNegative(value) ? "-"
        : flags.Contains('+', StringComparison.Ordinal)
            ? "+" : flags.Contains(' ', StringComparison.Ordinal) ? " " : "";

    private static string Cut(string text, int? precision) =>
        precision is { } length && text.Length > length ? (string)Slicing.Take(text, 0L, (long)length, null) : text;

    private static ChatTemplateException Wrong(char conversion, object? value) =>
        Work.Error($"the format '%{conversion}' cannot write {PythonText.ShortRepr(value)}.");

    private char Peek() => _at < _format.Length ? _format[_at] : '\0';

    private object? Named(string name)
    {
        _taken++;
        return _values is TemplateDictionary fields
            ? fields.TryGet(name, out var value) ? value
                : throw Work.Error($"a format names '{Quoted.Short(name)}', which its dictionary lacks.")
            : throw Work.Error("a format with names needs a dictionary.");
    }

    private object? Next() => _values is TemplateTuple tuple
        ? _taken < tuple.Count ? tuple[_taken++] : throw Lacks()
        : _taken++ == 0 ? _values : throw Lacks();

    private static ChatTemplateException Lacks() => Work.Error("a format has more directives than values.");

    private long? Number()
    {
        if (Peek() == '*')
        {
            _at++;
            var value = Next();
            return value is long number && Math.Abs(number) <= int.MaxValue ? number : throw Wrong('*', value);
        }

        var start = _at;
        while (char.IsAsciiDigit(Peek()))
        {
            _at++;
        }

        return _at == start ? null : _at - start > 9 ? int.MaxValue
            : long.Parse(_format.AsSpan(start, _at - start), CultureInfo.InvariantCulture);
    }
}
