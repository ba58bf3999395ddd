using System.Text;

namespace Slipway.Tokenization.Templates;

/// <summary>The methods of strings, lists and dictionaries that change nothing.</summary>
internal static class Methods
{
    private static readonly Dictionary<string, Func<string, CallArguments, object?>> OfText = new(StringComparer.Ordinal)
    {
        ["strip"] = (text, arguments) => Trimmed(text, arguments, start: true, end: true),
        ["lstrip"] = (text, arguments) => Trimmed(text, arguments, start: true, end: false),
        ["rstrip"] = (text, arguments) => Trimmed(text, arguments, start: false, end: true),
        ["upper"] = (text, _) => text.ToUpperInvariant(),
        ["lower"] = (text, _) => text.ToLowerInvariant(),
        ["title"] = (text, _) => Title(text),
        ["capitalize"] = (text, _) => Capitalize(text),
        ["split"] = (text, arguments) => Split(text, arguments, fromRight: false),
        ["rsplit"] = (text, arguments) => Split(text, arguments, fromRight: true),
        ["splitlines"] = (text, _) => text.TrimEnd('\n').Split('\n').Select(line => (object?)line.TrimEnd('\r')).ToList(),
        ["startswith"] = (text, arguments) => Any(arguments, part => text.StartsWith(part, StringComparison.Ordinal)),
        ["endswith"] = (text, arguments) => Any(arguments, part => text.EndsWith(part, StringComparison.Ordinal)),
        ["replace"] = (text, arguments) => Replace(text, arguments),
        ["join"] = (text, arguments) => Filters.Joined(
            text, Evaluator.Iterate(arguments.Get(0, "iterable"), arguments.Line).Select(Python.Str)),
        ["find"] = (text, arguments) => (long)Evaluator.Searched(text, arguments.String(0, "sub")).IndexOf(arguments.String(0, "sub"), StringComparison.Ordinal),
        ["rfind"] = (text, arguments) => (long)Evaluator.Searched(text, arguments.String(0, "sub"))
            .LastIndexOf(arguments.String(0, "sub"), StringComparison.Ordinal),
        ["count"] = (text, arguments) => (long)(Evaluator.Searched(text, arguments.String(0, "sub")).Split(arguments.String(0, "sub")).Length - 1),
        ["removeprefix"] = (text, arguments) => arguments.String(0, "prefix") is var part
            && text.StartsWith(part, StringComparison.Ordinal) ? text[part.Length..] : text,
        ["removesuffix"] = (text, arguments) => arguments.String(0, "suffix") is var part
            && part.Length > 0 && text.EndsWith(part, StringComparison.Ordinal) ? text[..^part.Length] : text,
        ["isdigit"] = (text, _) => text.Length > 0 && text.All(char.IsDigit),
        ["isalpha"] = (text, _) => text.Length > 0 && text.All(char.IsLetter),
        ["isalnum"] = (text, _) => text.Length > 0 && text.All(char.IsLetterOrDigit),
        ["isspace"] = (text, _) => text.Length > 0 && text.All(char.IsWhiteSpace),
        ["isupper"] = (text, _) => text.Any(char.IsUpper) && !text.Any(char.IsLower),
        ["islower"] = (text, _) => text.Any(char.IsLower) && !text.Any(char.IsUpper),
    };

    private static readonly Dictionary<string, Func<OrderedDictionary<string, object?>, CallArguments, object?>> OfFields =
        new(StringComparer.Ordinal)
        {
            ["items"] = (fields, _) => fields.Select(pair => (object?)new List<object?> { pair.Key, pair.Value }).ToList(),
            ["keys"] = (fields, _) => fields.Keys.Select(key => (object?)key).ToList(),
            ["values"] = (fields, _) => fields.Values.ToList(),
            ["get"] = (fields, arguments) =>
                fields.TryGetValue(Python.Str(arguments.Get(0, "key")), out object? value) ? value : arguments.Get(1, "default"),
            ["copy"] = (fields, _) => fields,
        };

    private static readonly Dictionary<string, Func<List<object?>, CallArguments, object?>> OfLists = new(StringComparer.Ordinal)
    {
        ["index"] = (list, arguments) => list.FindIndex(item => Values.Equals(item, arguments.Get(0, "value"))) is >= 0 and var at
            ? (long)at : throw arguments.Error($"{Python.Repr(arguments.Get(0, "value"))} is not in the list."),
        ["count"] = (list, arguments) => (long)list.Count(item => Values.Equals(item, arguments.Get(0, "value"))),
        ["copy"] = (list, _) => list,
    };

    /// <summary>The method of a value, or null.</summary>
    public static Callable? Find(object? target, string name) => target switch
    {
        string text when OfText.TryGetValue(name, out Func<string, CallArguments, object?>? method) =>
            new(name, arguments =>
            {
                Work.Characters(text.Length);
                return method(text, arguments);
            }),
        OrderedDictionary<string, object?> fields
            when OfFields.TryGetValue(name, out Func<OrderedDictionary<string, object?>, CallArguments, object?>? method) =>
            new(name, arguments => method(fields, arguments)),
        List<object?> list when OfLists.TryGetValue(name, out Func<List<object?>, CallArguments, object?>? method) =>
            new(name, arguments => method(list, arguments)),
        List<object?> when name is "append" or "extend" or "insert" or "pop" or "remove" or "clear" or "sort" or "reverse" =>
            new(name, arguments => throw arguments.Error($"'{name}' would change a list, which templates may not.")),
        _ => null,
    };

    public static string Title(string text)
    {
        StringBuilder output = new(text.Length);
        bool inside = false;
        foreach (char c in text)
        {
            output.Append(inside ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inside = char.IsLetter(c);
        }

        return output.ToString();
    }

    public static string Capitalize(string text) =>
        text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    public static string Replace(string text, CallArguments arguments)
    {
        string old = arguments.String(0, "old"), replacement = arguments.String(1, "new");
        long count = arguments.Integer(2, "count", -1);
        if (old.Length == 0)
        {
            throw arguments.Error("'replace' needs a text to replace that is not empty.");
        }

        Work.Search(text.Length, old.Length);
        string[] parts = count < 0 ? text.Split(old) : text.Split(old, (int)Math.Min(count + 1, int.MaxValue));
        Work.Characters(text.Length + ((long)(parts.Length - 1) * replacement.Length));
        return string.Join(replacement, parts);
    }

    public static string Trimmed(string text, CallArguments arguments, bool start, bool end)
    {
        char[]? characters = (arguments.Get(0, "chars") as string)?.ToCharArray();
        Work.Search(text.Length, characters?.Length ?? 1);
        return start && end ? text.Trim(characters) : start ? text.TrimStart(characters) : text.TrimEnd(characters);
    }

    private static bool Any(CallArguments arguments, Func<string, bool> matches) => arguments.Get(0, "prefix") switch
    {
        string part => matches(part),
        List<object?> parts => parts.Any(part => part is string text && matches(text)),
        var other => throw arguments.Error($"a text is expected, not {Python.Repr(other)}."),
    };

    private static List<object?> Split(string text, CallArguments arguments, bool fromRight)
    {
        int limit = (int)Math.Clamp(arguments.Integer(1, "maxsplit", -1), -1, int.MaxValue - 1);
        if (arguments.Get(0, "sep") is not string separator)
        {
            return [.. text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];
        }

        if (separator.Length == 0)
        {
            throw arguments.Error("'split' needs a separator that is not empty.");
        }

        Work.Search(text.Length, separator.Length);
        string[] parts = fromRight || limit < 0 ? text.Split(separator) : text.Split(separator, limit + 1);
        if (!fromRight || limit < 0 || parts.Length <= limit + 1)
        {
            return [.. parts];
        }

        int joined = parts.Length - limit;
        return [string.Join(separator, parts[..joined]), .. parts[joined..]];
    }
}
