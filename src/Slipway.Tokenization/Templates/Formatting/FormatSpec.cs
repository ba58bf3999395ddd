using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Formatting;

/// <summary>Python's <c>format(value, spec)</c> of texts and numbers.</summary>
/// <remarks>Source: the Python documentation, "Format Specification Mini-Language".</remarks>
internal static partial class FormatSpec
{
    public static string Apply(object? value, string spec)
    {
        if (spec.Length == 0)
        {
            return PythonText.Str(value);
        }

        var match = Pattern().Match(spec);
        if (!match.Success || !(value is string or Markup || Numbers.IsNumber(value)))
        {
            throw Work.Error(
                $"the format '{Quoted.Short(spec)}' cannot write {PythonText.ShortRepr(value)}.");
        }

        var isText = value is string or Markup;
        string Part(string name) => match.Groups[name].Value;
        var zero = Part("zero").Length > 0 && Part("align").Length == 0;
        var fill = Part("fill") is { Length: > 0 } given ? given : zero ? "0" : " ";
        var align = Part("align") is { Length: > 0 } side ? side[0] : zero && !isText ? '=' : isText ? '<' : '>';
        var width = Count(Part("width")) ?? 0;
        var precision = Count(Part("precision"));
        var type = Part("type") is { Length: > 0 } letter ? letter[0] : '\0';
        var (sign, text) = isText
            ? OfText(value, type, precision, match, align)
            : OfNumber(value, type, precision, Part("sign"), Part("alternate").Length > 0, Part("group"));
        if (Part("group").Length > 0 && align == '=' && fill == "0" && width > sign.Length + text.Length)
        {
            throw Work.Error(
                $"the format '{Quoted.Short(spec)}' pads groups of digits with zeros, which is not supported.");
        }

        var missing = Math.Max(0, width - sign.Length - (int)Iteration.CodePoints(text));
        Work.Characters(text.Length + ((long)missing * fill.Length));
        var before = align switch { '<' => 0, '^' => missing / 2, _ => missing };
        string Fill(int count) => new StringBuilder().Insert(0, fill, count).ToString();
        return align == '=' ? sign + Fill(missing) + text : Fill(before) + sign + text + Fill(missing - before);
    }

    /// <summary>Writes what is not ASCII as escapes, as Python's <c>ascii</c>.</summary>
    public static string Ascii(string repr) => string.Concat(repr.EnumerateRunes().Select(rune => rune.Value switch
    {
        < 0x80 => rune.ToString(),
        <= 0xFF => string.Create(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"),
        <= 0xFFFF => string.Create(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}"),
    }));

    [GeneratedRegex(
        @"^((?<fill>[\uD800-\uDBFF][\uDC00-\uDFFF]|[^\uD800-\uDFFF])?(?<align>[<>=^]))?"
        + @"(?<sign>[-+ ])?(?<alternate>\#)?(?<zero>0)?(?<width>[0-9]+)?"
        + @"(?<group>[,_])?(\.(?<precision>[0-9]+))?(?<type>[bcdeEfFgGnosxX%])?\z",
        RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Pattern();

    private static (string Sign, string Text) OfText(object? value, char type, int? precision, Match match, char align)
    {
        if (type is not ('\0' or 's') || align == '=' || match.Groups["sign"].Length + match.Groups["alternate"].Length
            + match.Groups["group"].Length > 0)
        {
            throw Work.Error($"the format '{Quoted.Short(match.Value)}' cannot write a text.");
        }

        var text = PythonText.Str(value);
        return ("", precision is { } length ? (string)Slicing.Take(text, 0L, (long)length, null) : text);
    }

    private static (string Sign, string Text) OfNumber(
        object? value, char type, int? precision, string sign, bool alternate, string group)
    {
        var shown = NumberText.IsNegative(value) ? "-" : sign is "+" or " " ? sign : "";
        if (Numbers.AsInteger(value) is not null && type == '\0' || type is 'b' or 'c' or 'd' or 'o' or 'x' or 'X'
            || (type == 'n' && value is not double))
        {
            return OfInteger(Numbers.AsInteger(value)
                ?? throw Wrong(type, value), type, precision, shown, alternate, group);
        }

        var number = Numbers.AsDouble(value)!.Value;
        var text = type switch
        {
            '\0' => OfPlain(number, precision, alternate),
            '%' => NumberText.OfFraction(number * 100, 'f', precision ?? 6, alternate) + "%",
            'n' => NumberText.OfFraction(number, 'g', precision ?? 6, alternate),
            'e' or 'E' or 'f' or 'F' or 'g' or 'G' => NumberText.OfFraction(number, type, precision ?? 6, alternate),
            _ => throw Wrong(type, value),
        };
        return (shown, group.Length > 0 ? NumberText.Group(text, group[0], 3) : text);
    }

    private static (string Sign, string Text) OfInteger(
        BigInteger number, char type, int? precision, string sign, bool alternate, string group)
    {
        if (precision is not null)
        {
            throw Work.Error("a format gives a whole number a precision.");
        }

        if (type == 'c')
        {
            return number >= 0 && number <= 0x10FFFF && Rune.IsValid((int)number)
                ? ("", new Rune((int)number).ToString()) : throw Wrong(type, Numbers.Normalize(number));
        }

        var kind = type is '\0' or 'n' ? 'd' : type;
        var digits = NumberText.OfInteger(number, kind);
        return (
            sign + (alternate && kind != 'd' ? $"0{kind}" : ""),
            group.Length > 0 ? NumberText.Group(digits, group[0], kind == 'd' ? 3 : 4) : digits);
    }

    // As 'repr', or with significant digits; a whole number keeps one digit behind the point.
    private static string OfPlain(double number, int? precision, bool alternate)
    {
        var text = precision is { } digits
            ? NumberText.OfFraction(number, 'g', digits, alternate) : PythonText.Float(Math.Abs(number));
        return text.AsSpan().ContainsAny(".eni") ? text : text + ".0";
    }

    private static int? Count(string digits) => digits.Length == 0 ? null
        : NumberText.Bounded(digits.Length > 9 ? int.MaxValue : int.Parse(digits, CultureInfo.InvariantCulture));

    private static ChatTemplateException Wrong(char type, object? value) =>
        Work.Error($"the format '{type}' cannot write {PythonText.ShortRepr(value)}.");
}
