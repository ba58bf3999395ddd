using System.Text;
using Slipway.Tokenization.Templates.Methods;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Filters;

/// <summary>Filters that make texts.</summary>
internal static class TextFilters
{
    public static object Indent(object? value, CallArguments arguments)
    {
        var width = arguments.Get(0, "width", 4L);
        var prefix = width is string given
            ? given : new string(' ', (int)Math.Clamp(arguments.Integer(0, "width", 4), 0, 1024));
        if (value is not (string or Markup))
        {
            throw Work.Error($"'indent' needs a text, not {PythonText.ShortRepr(value)}.");
        }

        var (first, blank) = (arguments.Flag(1, "first"), arguments.Flag(2, "blank"));
        var lines = TextSplitting.Lines(PythonText.Str(value) + "\n", keepEnds: false).Select(line => (string)line!)
            .ToArray();
        Work.CheckLength(((long)lines.Length * prefix.Length) + lines.Sum(line => line.Length));
        Work.Characters((long)lines.Length * prefix.Length);
        var text = string.Join('\n', lines.Select((line, index) =>
            (index == 0 ? first : blank || line.Length > 0) ? prefix + line : line));
        return value is Markup ? new Markup(text) : text;
    }

    public static string Join(object? value, CallArguments arguments)
    {
        var separator = PythonText.Str(arguments.Get(0, "d", string.Empty));
        var getter = ListFilters.Getter(arguments.Get(1, "attribute"), null);
        return TextMethods.Join(separator, Iteration.Of(value).Select(item => (object?)PythonText.Str(getter(item))));
    }

    public static string Replace(object? value, CallArguments arguments) => TextMethods.Replace(
        PythonText.Str(value), PythonText.Str(arguments.Get(0, "old")), PythonText.Str(arguments.Get(1, "new")),
        arguments.Get(2, "count") is null ? -1 : arguments.Integer(2, "count"));

    public static string Title(string text)
    {
        StringBuilder output = new(text.Length);
        var start = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && !(CharacterKinds.IsSpace(text[i]) || text[i] is '-' or '(' or '{' or '[' or '<'))
            {
                continue;
            }

            if (i > start)
            {
                output.Append(Casing.Upper(text[start..(start + 1)])).Append(Casing.Lower(text[(start + 1)..i]));
            }

            output.Append(i < text.Length ? text[i].ToString() : "");
            start = i + 1;
        }

        return output.ToString();
    }

    public static object Truncate(object? value, CallArguments arguments)
    {
        var text = value is string or Markup ? PythonText.Str(value)
            : throw Work.Error($"'truncate' needs a text, not {PythonText.ShortRepr(value)}.");
        var (length, end) = (arguments.Integer(0, "length", 255), arguments.String(2, "end", "..."));
        var leeway = arguments.Get(3, "leeway") is null ? 5 : arguments.Integer(3, "leeway");
        var endLength = Iteration.CodePoints(end);
        if (length < endLength || leeway < 0)
        {
            throw Work.Error("'truncate' needs a length that holds its end, and a leeway of 0 or more.");
        }

        if (Iteration.CodePoints(text) <= Math.Min(length, int.MaxValue) + Math.Min(leeway, int.MaxValue))
        {
            return value is Markup ? value : text;
        }

        var cut = (string)Slicing.Take(text, null, length - endLength, null);
        var space = arguments.Flag(1, "killwords") ? -1 : cut.LastIndexOf(' ');
        return (space < 0 ? cut : cut[..space]) + end;
    }

    public static long CountWords(string text)
    {
        long words = 0;
        var inside = false;
        foreach (var rune in text.EnumerateRunes())
        {
            var isWord = CharacterKinds.IsWord(rune);
            words += isWord && !inside ? 1 : 0;
            inside = isWord;
        }

        return words;
    }

    public static string UrlEncode(object? value)
    {
        if (value is string or Markup || Iteration.TryOf(value) is not { } items)
        {
            return Encoded(PythonText.Str(value), ofQuery: false);
        }

        var pairs = value is TemplateDictionary ? FilterTable.Pairs(value) : items;
        return TextMethods.Join("&", pairs.Select(pair => Iteration.Of(pair) is [var key, var part]
            ? (object?)$"{Encoded(PythonText.Str(key), ofQuery: true)}={Encoded(PythonText.Str(part), ofQuery: true)}"
            : throw Work.Error("'urlencode' needs pairs of keys and values.")));
    }

    public static string XmlAttributes(object? value, CallArguments arguments)
    {
        List<object?> parts = [];
        foreach (var pair in FilterTable.Pairs(value))
        {
            if (pair is TemplateTuple and [var key, var content] && content is not (null or Undefined))
            {
                var name = key as string ?? throw Work.Error("'xmlattr' needs texts as keys.");
                parts.Add(name.Any(character => " \t\n\r\f\v/>=".Contains(character))
                    ? throw Work.Error($"'{Quoted.Short(name)}' is no name of an attribute.")
                    : $"{Markup.Escape(name)}=\"{Markup.Escape(content)}\"");
            }
        }

        var text = TextMethods.Join(" ", parts);
        return text.Length > 0 && (!arguments.Has(0, "autospace") || arguments.Flag(0, "autospace"))
            ? " " + text : text;
    }

    private static string Encoded(string text, bool ofQuery)
    {
        StringBuilder output = new();
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            var character = (char)value;
            _ = char.IsAsciiLetterOrDigit(character) || character is '_' or '.' or '-' or '~'
                || (character == '/' && !ofQuery)
                ? output.Append(character)
                : character == ' ' && ofQuery ? output.Append('+')
                : output.Append('%').Append(value.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
        }

        return output.ToString();
    }
}
