using System.Globalization;
using System.Text;
using Slipway.Tokenization.Templates.Formatting;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Methods;

/// <summary>The methods of texts.</summary>
internal static class TextMethods
{
    private static readonly Dictionary<string, Method<string>> All = new(StringComparer.Ordinal)
    {
        ["strip"] = new((text, arguments) => Strip(text, arguments, start: true, end: true), 0, "chars"),
        ["lstrip"] = new((text, arguments) => Strip(text, arguments, start: true, end: false), 0, "chars"),
        ["rstrip"] = new((text, arguments) => Strip(text, arguments, start: false, end: true), 0, "chars"),
        ["upper"] = new((text, _) => Casing.Upper(text), 0),
        ["lower"] = new((text, _) => Casing.Lower(text), 0),
        ["title"] = new((text, _) => Casing.Title(text), 0),
        ["capitalize"] = new((text, _) => Casing.Capitalize(text), 0),
        ["swapcase"] = new((text, _) => Casing.Swap(text), 0),
        ["casefold"] = new((text, _) => Casing.Fold(text), 0),
        ["split"] = new((text, arguments) => TextSplitting.Split(text, arguments), 0, "sep", "maxsplit"),
        ["rsplit"] = new((text, arguments) => TextSplitting.SplitFromRight(text, arguments), 0, "sep", "maxsplit"),
        ["splitlines"] = new(
            (text, arguments) => TextSplitting.Lines(text, arguments.Flag(0, "keepends")), 0, "keepends"),
        ["partition"] = new((text, arguments) => TextSplitting.Partition(text, arguments, fromRight: false), 1, "sep"),
        ["rpartition"] = new((text, arguments) => TextSplitting.Partition(text, arguments, fromRight: true), 1, "sep"),
        ["startswith"] = new(
            (text, arguments) =>
                Any(text, arguments, (part, affix) => part.StartsWith(affix, StringComparison.Ordinal)),
            1, "prefix", "start", "end"),
        ["endswith"] = new(
            (text, arguments) => Any(text, arguments, (part, affix) => part.EndsWith(affix, StringComparison.Ordinal)),
            1, "suffix", "start", "end"),
        ["replace"] = new((text, arguments) => Replace(
            text, arguments.String(0, "old"), arguments.String(1, "new"), arguments.Integer(2, "count", -1)),
            2, "old", "new", "count"),
        ["join"] = new((text, arguments) => Join(text, Iteration.Of(arguments.Get(0, "iterable"))), 1, "iterable"),
        ["find"] = new((text, arguments) => Find(text, arguments, fromRight: false), 1, "sub", "start", "end"),
        ["rfind"] = new((text, arguments) => Find(text, arguments, fromRight: true), 1, "sub", "start", "end"),
        ["index"] = new((text, arguments) => Found(Find(text, arguments, fromRight: false)), 1, "sub", "start", "end"),
        ["rindex"] = new((text, arguments) => Found(Find(text, arguments, fromRight: true)), 1, "sub", "start", "end"),
        ["count"] = new((text, arguments) => Count(text, arguments), 1, "sub", "start", "end"),
        ["removeprefix"] = new((text, arguments) => arguments.String(0, "prefix") is var part
            && text.StartsWith(part, StringComparison.Ordinal) ? text[part.Length..] : text, 1, "prefix"),
        ["removesuffix"] = new((text, arguments) => arguments.String(0, "suffix") is { Length: > 0 } part
            && text.EndsWith(part, StringComparison.Ordinal) ? text[..^part.Length] : text, 1, "suffix"),
        ["center"] = new((text, arguments) => Padded(text, arguments, Side.Both), 1, "width", "fillchar"),
        ["ljust"] = new((text, arguments) => Padded(text, arguments, Side.Right), 1, "width", "fillchar"),
        ["rjust"] = new((text, arguments) => Padded(text, arguments, Side.Left), 1, "width", "fillchar"),
        ["zfill"] = new(FillZeros, 1, "width"),
        ["expandtabs"] = new(ExpandTabs, 0, "tabsize"),
        ["isdigit"] = new((text, _) => AllAre(text, rune => CharUnicodeInfo.GetDigitValue(rune.ToString(), 0) >= 0), 0),
        ["isdecimal"] = new(
            (text, _) => AllAre(text, rune => CharUnicodeInfo.GetDecimalDigitValue(rune.ToString(), 0) >= 0), 0),
        ["isnumeric"] = new((text, _) => AllAre(text, IsNumeric), 0),
        ["isalpha"] = new((text, _) => AllAre(text, Rune.IsLetter), 0),
        ["isalnum"] = new((text, _) => AllAre(text, rune => Rune.IsLetter(rune) || IsNumeric(rune)), 0),
        ["isspace"] = new((text, _) => text.Length > 0 && text.All(CharacterKinds.IsSpace), 0),
        ["isascii"] = new((text, _) => Ascii.IsValid(text), 0),
        ["isprintable"] = new((text, _) => text.EnumerateRunes().All(CharacterKinds.IsPrintable), 0),
        ["isupper"] = new((text, _) => IsCase(text, upper: true), 0),
        ["islower"] = new((text, _) => IsCase(text, upper: false), 0),
        ["istitle"] = new((text, _) => text.Any(Casing.IsCased) && Casing.Title(text) == text, 0),
        ["isidentifier"] = new((text, _) => text.Length > 0 && !Rune.IsDigit(text.EnumerateRunes().First())
            && AllAre(text, CharacterKinds.IsWord), 0),
    };

    private enum Side
    {
        Left,
        Right,
        Both,
    }

    public static object? Find(string text, string name) => name switch
    {
        "encode" or "maketrans" or "translate" => throw Members.Unsupported(name, "a text"),
        "format" => new Callable(name, arguments => BraceFormat.Apply(text, arguments, escapes: false)),
        "format_map" => new Callable(name, arguments => BraceFormat.Apply(text, Fields(arguments), escapes: false)),
        _ when All.TryGetValue(name, out var method) => new Callable(name, arguments =>
        {
            Work.Characters(text.Length);
            return method.Bind(name, text).Invoke(arguments);
        }),
        _ => null,
    };

    /// <summary>The method of a markup: it gives markups, and escapes the texts that it puts in.</summary>
    public static object? Find(Markup markup, string name) => name switch
    {
        "striptags" or "unescape" => throw Members.Unsupported(name, "a markup"),
        "format" =>
            new Callable(name, arguments => new Markup(BraceFormat.Apply(markup.Text, arguments, escapes: true))),
        "format_map" => new Callable(
            name, arguments => new Markup(BraceFormat.Apply(markup.Text, Fields(arguments), escapes: true))),
        _ when Find(markup.Text, name) is Callable method => new Callable(name, arguments => Marked(
            method.Invoke(name switch
            {
                "join" => arguments with
                {
                    Positional = [Iteration.Of(arguments.Get(0, "iterable"))
                        .Select(item => (object?)Markup.Escape(item)).ToList()],
                },
                "replace" when arguments.Positional.Length > 1 => arguments with
                {
                    Positional = [
                        arguments.Positional[0], Markup.Escape(arguments.Positional[1]), .. arguments.Positional[2..]],
                },
                _ => arguments,
            }))),
        _ => null,
    };

    public static string Strip(string text, CallArguments arguments, bool start, bool end)
    {
        if (arguments.Get(0, "chars") is null)
        {
            return CharacterKinds.Trim(text, CharacterKinds.IsSpace, start, end);
        }

        var characters = arguments.String(0, "chars");
        Work.Search(text.Length, characters.Length);
        if (!characters.AsSpan().ContainsAnyInRange('\ud800', '\udfff'))
        {
            return CharacterKinds.Trim(text, character => characters.Contains(character), start, end);
        }

        HashSet<Rune> runes = [.. characters.EnumerateRunes()];
        Rune[] all = [.. text.EnumerateRunes()];
        int from = 0, to = all.Length;
        while (start && from < to && runes.Contains(all[from]))
        {
            from++;
        }

        while (end && to > from && runes.Contains(all[to - 1]))
        {
            to--;
        }

        return string.Concat(all[from..to]);
    }

    public static string Replace(string text, string old, string replacement, long count)
    {
        if (old.Length == 0)
        {
            return Interleave(text, replacement, count);
        }

        Work.Search(text.Length, old.Length);
        var parts = count < 0 ? text.Split(old) : text.Split(old, (int)Math.Min(count + 1, int.MaxValue));
        Work.Characters(text.Length + ((long)(parts.Length - 1) * replacement.Length));
        return string.Join(replacement, parts);
    }

    public static string Join(string separator, IEnumerable<object?> items)
    {
        StringBuilder output = new();
        var first = true;
        foreach (var item in items)
        {
            var part = item switch
            {
                string text => text,
                Markup markup => markup.Text,
                _ => throw Work.Error($"'join' needs texts, not {PythonText.ShortRepr(item)}. Use the filter 'join'."),
            };
            Work.Characters((long)separator.Length + part.Length);
            Work.CheckLength((long)output.Length + separator.Length + part.Length);
            output.Append(first ? string.Empty : separator).Append(part);
            first = false;
        }

        return output.ToString();
    }

    public static string Center(string text, long width) => Padded(text, width, ' ', Side.Both);

    public static bool IsCase(string text, bool upper)
    {
        var any = false;
        foreach (var rune in text.EnumerateRunes())
        {
            var category = Rune.GetUnicodeCategory(rune);
            if (category == UnicodeCategory.TitlecaseLetter || (upper ? Rune.IsLower(rune) : Rune.IsUpper(rune)))
            {
                return false;
            }

            any |= upper ? Rune.IsUpper(rune) : Rune.IsLower(rune);
        }

        return any;
    }

    private static object? Marked(object? value) => value switch
    {
        string text => new Markup(text),
        TemplateTuple tuple => new TemplateTuple(tuple.Select(Marked)),
        List<object?> list => list.Select(Marked).ToList(),
        _ => value,
    };

    private static CallArguments Fields(CallArguments arguments)
        => arguments.Get(0, "mapping") is TemplateDictionary fields
        ? new CallArguments([], fields.Items.Where(pair => pair.Key is string)
            .ToDictionary(pair => (string)pair.Key!, pair => pair.Value, StringComparer.Ordinal))
        : throw Work.Error("'format_map' needs a dictionary.");

    private static string Interleave(string text, string replacement, long count)
    {
        Work.Characters(text.Length + ((text.Length + 1L) * replacement.Length));
        StringBuilder output = new();
        foreach (var rune in text.EnumerateRunes())
        {
            output.Append(count == 0 ? string.Empty : replacement).Append(rune);
            count -= count > 0 ? 1 : 0;
        }

        return output.Append(count == 0 ? string.Empty : replacement).ToString();
    }

    // The part of a text between two positions in code points, and the code points before it; null past the end.
    private static (string Part, long Before)? Between(string text, CallArguments arguments)
    {
        if (arguments.Get(1, "start") is null && arguments.Get(2, "end") is null)
        {
            return (text, 0);
        }

        var count = Iteration.CodePoints(text);
        long At(int index, string name, long missing) => arguments.Get(index, name) is null ? missing
            : arguments.Integer(index, name) is var at && at < 0 ? Math.Max(0, at + count) : at;
        var (from, to) = (At(1, "start", 0), Math.Min(count, At(2, "end", count)));
        return from > count || from > to ? null : ((string)Slicing.Take(text, from, to, null), from);
    }

    private static long Find(string text, CallArguments arguments, bool fromRight)
    {
        var sub = arguments.String(0, "sub");
        if (Between(text, arguments) is not var (part, before))
        {
            return -1;
        }

        Comparing.Searched(part, sub);
        var at = sub.Length == 0 && fromRight ? part.Length
            : fromRight ? part.LastIndexOf(sub, StringComparison.Ordinal) : part.IndexOf(sub, StringComparison.Ordinal);
        return at < 0 ? -1 : before + Iteration.CodePoints(part.AsSpan(0, at));
    }

    private static long Found(long at)
        => at >= 0 ? at : throw Work.Error("the text that 'index' looks for is not there.");

    private static long Count(string text, CallArguments arguments)
    {
        var sub = arguments.String(0, "sub");
        if (Between(text, arguments) is not var (part, _))
        {
            return 0;
        }

        return sub.Length == 0 ? Iteration.CodePoints(part) + 1
            : Comparing.Searched(part, sub).AsSpan().Count(sub);
    }

    private static bool Any(string text, CallArguments arguments, Func<string, string, bool> matches)
    {
        var part = Between(text, arguments)?.Part;
        return arguments.Get(0, arguments.Named.ContainsKey("suffix") ? "suffix" : "prefix") switch
        {
            string affix => part is not null && matches(part, affix),
            Markup affix => part is not null && matches(part, affix.Text),
            TemplateTuple affixes when affixes.All(affix => affix is string) =>
                part is not null && affixes.Any(affix => matches(part, (string)affix!)),
            var other =>
                throw Work.Error($"a text or a tuple of texts is expected, not {PythonText.ShortRepr(other)}."),
        };
    }

    private static string Padded(string text, CallArguments arguments, Side side)
    {
        var fill = arguments.String(1, "fillchar", " ");
        return fill.Length == 1 ? Padded(text, arguments.Integer(0, "width"), fill[0], side)
            : throw Work.Error("the fill character is not one character.");
    }

    private static string Padded(string text, long width, char fill, Side side)
    {
        var missing = Math.Max(0, width - Iteration.CodePoints(text));
        Work.Characters(text.Length + missing);
        var left = side switch { Side.Left => missing, Side.Right => 0, _ => (missing / 2) + (missing & width & 1) };
        return new string(fill, (int)left) + text + new string(fill, (int)(missing - left));
    }

    private static string FillZeros(string text, CallArguments arguments)
    {
        var missing = Math.Max(0, arguments.Integer(0, "width") - Iteration.CodePoints(text));
        Work.Characters(text.Length + missing);
        var sign = text.StartsWith('+') || text.StartsWith('-') ? 1 : 0;
        return text[..sign] + new string('0', (int)missing) + text[sign..];
    }

    private static string ExpandTabs(string text, CallArguments arguments)
    {
        var size = arguments.Integer(0, "tabsize", 8);
        Work.Characters(text.Length + (text.AsSpan().Count('\t') * Math.Clamp(size, 0, Work.MaxLength)));
        StringBuilder output = new();
        long column = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value == '\t')
            {
                var spaces = size > 0 ? size - (column % size) : 0;
                output.Append(' ', (int)spaces);
                column += spaces;
                continue;
            }

            output.Append(rune);
            column = rune.Value is '\n' or '\r' ? 0 : column + 1;
        }

        return output.ToString();
    }

    private static bool AllAre(string text, Func<Rune, bool> matches)
        => text.Length > 0 && text.EnumerateRunes().All(matches);

    private static bool IsNumeric(Rune rune) => CharUnicodeInfo.GetNumericValue(rune.ToString(), 0) != -1;
}
