using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Methods;

/// <summary>Python's ways of cutting texts.</summary>
internal static class TextSplitting
{
    public static List<object?> Split(string text, CallArguments arguments)
    {
        var limit = Limit(arguments);
        if (arguments.Get(0, "sep") is null)
        {
            return OnSpace(text, limit);
        }

        var separator = Separator(text, arguments);
        return [.. limit < 0 ? text.Split(separator) : text.Split(separator, limit + 1)];
    }

    public static List<object?> SplitFromRight(string text, CallArguments arguments)
    {
        var limit = Limit(arguments);
        if (arguments.Get(0, "sep") is null)
        {
            return limit < 0 ? OnSpace(text, limit) : OnSpaceFromRight(text, limit);
        }

        var separator = Separator(text, arguments);
        List<object?> parts = [];
        var end = text.Length;
        while (limit < 0 || parts.Count < limit)
        {
            var at = text.AsSpan(0, end).LastIndexOf(separator);
            if (at < 0)
            {
                break;
            }

            parts.Add(text[(at + separator.Length)..end]);
            end = at;
        }

        parts.Add(text[..end]);
        parts.Reverse();
        return parts;
    }

    public static List<object?> Lines(string text, bool keepEnds)
    {
        List<object?> lines = [];
        for (var start = 0; start < text.Length;)
        {
            var end = start;
            while (end < text.Length && !CharacterKinds.EndsLine(text[end]))
            {
                end++;
            }

            var next = end == text.Length
                ? end : end + (text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? 2 : 1);
            lines.Add(text[start..(keepEnds ? next : end)]);
            start = next;
        }

        return lines;
    }

    public static TemplateTuple Partition(string text, CallArguments arguments, bool fromRight)
    {
        var separator = Separator(text, arguments);
        var at = fromRight
            ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        return at >= 0 ? new TemplateTuple([text[..at], separator, text[(at + separator.Length)..]])
            : new TemplateTuple(fromRight ? ["", "", text] : [text, "", ""]);
    }

    private static int Limit(CallArguments arguments) =>
        (int)Math.Clamp(arguments.Integer(1, "maxsplit", -1), -1, int.MaxValue - 1);

    private static string Separator(string text, CallArguments arguments)
    {
        var separator = arguments.String(0, "sep");
        Work.Search(text.Length, separator.Length);
        return separator.Length > 0 ? separator : throw Work.Error("a separator is empty.");
    }

    private static List<object?> OnSpace(string text, int limit)
    {
        List<object?> parts = [];
        for (var at = SkipSpace(text, 0); at < text.Length; at = SkipSpace(text, at))
        {
            if (limit >= 0 && parts.Count == limit)
            {
                parts.Add(text[at..]);
                break;
            }

            var start = at;
            while (at < text.Length && !CharacterKinds.IsSpace(text[at]))
            {
                at++;
            }

            parts.Add(text[start..at]);
        }

        return parts;
    }

    private static List<object?> OnSpaceFromRight(string text, int limit)
    {
        List<object?> parts = [];
        var end = text.Length;
        while (true)
        {
            while (end > 0 && CharacterKinds.IsSpace(text[end - 1]))
            {
                end--;
            }

            if (end == 0)
            {
                break;
            }

            if (parts.Count == limit)
            {
                parts.Add(text[..end]);
                break;
            }

            var start = end;
            while (start > 0 && !CharacterKinds.IsSpace(text[start - 1]))
            {
                start--;
            }

            parts.Add(text[start..end]);
            end = start;
        }

        parts.Reverse();
        return parts;
    }

    private static int SkipSpace(string text, int at)
    {
        while (at < text.Length && CharacterKinds.IsSpace(text[at]))
        {
            at++;
        }

        return at;
    }
}
