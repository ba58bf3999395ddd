using System.Globalization;
using System.Text;
using Slipway.Tokenization.Templates.Methods;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Formatting;

/// <summary>Python's <c>text.format(…)</c>, where attributes are looked up as templates may.</summary>
/// <remarks>Source: the Python documentation, "Format String Syntax".</remarks>
internal sealed class BraceFormat
{
    private readonly CallArguments _arguments;
    private readonly bool _escapes;
    private int _next;

    private BraceFormat(CallArguments arguments, bool escapes) => (_arguments, _escapes) = (arguments, escapes);

    /// <summary>Puts arguments into the fields of a text.</summary>
    public static string Apply(string format, CallArguments arguments, bool escapes) =>
        new BraceFormat(arguments, escapes).Fill(format, depth: 0);

    private string Fill(string format, int depth)
    {
        Work.Characters(format.Length);
        StringBuilder output = new();
        for (var at = 0; at < format.Length; at++)
        {
            var character = format[at];
            if (character is not ('{' or '}'))
            {
                output.Append(character);
                continue;
            }

            if (depth == 0 && at + 1 < format.Length && format[at + 1] == character)
            {
                output.Append(character);
                at++;
                continue;
            }

            var end = character == '{'
                ? FieldEnd(format, at + 1) : throw Work.Error("a format has a '}' that closes nothing.");
            var text = Field(format[(at + 1)..end], depth);
            Work.Characters(text.Length);
            Work.CheckLength((long)output.Length + text.Length);
            output.Append(text);
            at = end;
        }

        return output.ToString();
    }

    private static int FieldEnd(string format, int start)
    {
        var depth = 1;
        for (var at = start; at < format.Length; at++)
        {
            depth += format[at] == '{' ? 1 : format[at] == '}' ? -1 : 0;
            if (depth == 0)
            {
                return at;
            }
        }

        throw Work.Error("a format has a '{' that nothing closes.");
    }

    private string Field(string field, int depth)
    {
        if (depth > 1)
        {
            throw Work.Error("a format has fields in the fields of a field.");
        }

        var inKey = field.IndexOf(']', StringComparison.Ordinal);
        var from = field.IndexOf('[', StringComparison.Ordinal) is >= 0 and var open && inKey > open ? inKey : 0;
        var cut = field.AsSpan(from).IndexOfAny('!', ':');
        cut = cut < 0 ? field.Length : from + cut;
        var value = Look(field[..cut]);
        var rest = field[cut..];
        if (rest.StartsWith('!'))
        {
            value = rest.Length < 2 || (rest.Length > 2 && rest[2] != ':')
                ? throw Work.Error("a format has a '!' without a letter.")
                : rest[1] switch
                {
                    's' => PythonText.Str(value),
                    'r' => PythonText.Repr(value),
                    'a' => FormatSpec.Ascii(PythonText.Repr(value)),
                    var other => throw Work.Error($"the conversion '!{other}' is not known."),
                };
            rest = rest[2..];
        }

        var spec = rest.Length > 0 ? Fill(rest[1..], depth + 1) : string.Empty;
        var text = FormatSpec.Apply(value, spec);
        return _escapes && value is not Markup ? Markup.Escape(text) : text;
    }

    private object? Look(string path)
    {
        var end = path.AsSpan().IndexOfAny('.', '[');
        var name = end < 0 ? path : path[..end];
        var value = First(name);
        for (var at = name.Length; at < path.Length;)
        {
            var isKey = path[at] == '[';
            var close = isKey ? path.IndexOf(']', at) : at + 1 + IndexOrEnd(path.AsSpan(at + 1));
            if (close < 0 || close == at + 1 || (!isKey && path[at] != '.'))
            {
                throw Work.Error($"the field '{Quoted.Short(path)}' of a format is not complete.");
            }

            var part = path[(at + 1)..close];
            value = !isKey ? Members.Attribute(value, part)
                : long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                    ? Members.Item(value, index)
                : Members.Item(value, part);
            at = isKey ? close + 1 : close;
        }

        return value;
    }

    private static int IndexOrEnd(ReadOnlySpan<char> rest)
        => rest.IndexOfAny('.', '[') is >= 0 and var at ? at : rest.Length;

    private object? First(string name)
    {
        if (name.Length > 0 && !name.All(char.IsAsciiDigit))
        {
            return _arguments.Named.TryGetValue(name, out var named) ? named
                : throw Work.Error($"a format names '{Quoted.Short(name)}', which it is not given.");
        }

        if (name.Length == 0 ? _next < 0 : _next > 0)
        {
            throw Work.Error("a format mixes numbered fields with others.");
        }

        var index = name.Length == 0
            ? _next++ : name.Length > 9 ? int.MaxValue : int.Parse(name, CultureInfo.InvariantCulture);
        _next = name.Length == 0 ? _next : -1;
        return index < _arguments.Positional.Length ? _arguments.Positional[index]
            : throw Work.Error("a format has more fields than arguments.");
    }
}
