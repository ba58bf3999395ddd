using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates;

/// <summary>
/// Reads JSON as a template's values, and writes them as Python's <c>json.dumps</c> with <c>ensure_ascii=False</c>.
/// </summary>
internal sealed class Json
{
    private readonly StringBuilder _output = new();
    private readonly string? _indent;
    private readonly string _item, _key;
    private readonly bool _ascii, _sorts;

    private Json(string? indent, string item, string key, bool ascii, bool sorts) =>
        (_indent, _item, _key, _ascii, _sorts) = (indent, item, key, ascii, sorts);

    /// <summary>The filter <c>tojson</c>, with the arguments that chat templates give it.</summary>
    public static string Dump(object? value, CallArguments arguments)
    {
        var indent = arguments.Get(1, "indent") switch
        {
            null => null,
            string text => Bounded(text),
            var width when Numbers.AsInteger(width) is { } count =>
                new string(' ', (int)BigInteger.Min(MaxIndent + 1, BigInteger.Max(0, count))),
            var other => throw Work.Error($"the indent {PythonText.ShortRepr(other)} is neither a number nor a text."),
        };
        var (item, key) = (indent is null ? ", " : ",", ": ");
        if (arguments.Get(2, "separators") is { } separators)
        {
            (item, key) = separators is List<object?> and [string itemText, string keyText]
                ? (Bounded(itemText), Bounded(keyText))
                : throw Work.Error("'separators' is no pair of texts.");
        }

        var json = new Json(
            indent is null ? null : Bounded(indent), item, key, ascii: arguments.Flag(0, "ensure_ascii"),
            sorts: arguments.Flag(3, "sort_keys"));
        json.Write(value, 0);
        return json._output.ToString();
    }

    public static object? Read(JsonNode? node)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        return node switch
        {
            null => null,
            JsonObject fields => TemplateDictionary.Of(fields.Select(pair => ((object?)pair.Key, Read(pair.Value)))),
            JsonArray items => items.Select(Read).ToList(),
            _ => node.GetValueKind() switch
            {
                JsonValueKind.String => node.GetValue<string>(),
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.Number => Numbers.Parse(node.ToJsonString())
                    ?? throw new ChatTemplateException("a number of the input has more than 4300 digits.", 1),
                _ => null,
            },
        };
    }

    private const int MaxIndent = 64;

    private static string Bounded(string text) => text.Length <= MaxIndent ? text
        : throw Work.Error($"'tojson' takes indents and separators of at most {MaxIndent} characters.");

    private void Write(object? value, int depth)
    {
        PythonText.Grow(value, _output);
        switch (value)
        {
            case null:
                _output.Append("null");
                break;
            case bool flag:
                _output.Append(flag ? "true" : "false");
                break;
            case double number when !double.IsFinite(number):
                _output.Append(double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
                break;
            case long or double or BigInteger:
                _output.Append(PythonText.Repr(value));
                break;
            case string text:
                WriteText(text);
                break;
            case Markup markup:
                WriteText(markup.Text);
                break;
            case List<object?> list and not (Values.Range or DictionaryView):
                WriteBlock('[', ']', list, depth, entry => Write(entry, depth + 1));
                break;
            case TemplateDictionary fields:
                IEnumerable<(object? Key, object? Value)> pairs = _sorts
                    ? Comparing.Sort([.. fields.Keys], key => key, reverse: false)
                        .Select(key => (key, fields.TryGet(key, out var found) ? found : null))
                    : fields.Items;
                WriteBlock('{', '}', pairs, depth, pair =>
                {
                    WriteText(KeyText(pair.Key));
                    _output.Append(_key);
                    Write(pair.Value, depth + 1);
                });
                break;
            default:
                throw Work.Error($"{PythonText.ShortRepr(value)} cannot be written as JSON.");
        }
    }

    private static string KeyText(object? key) => key switch
    {
        string text => text,
        Markup markup => markup.Text,
        null => "null",
        bool flag => flag ? "true" : "false",
        long or double or BigInteger => PythonText.Repr(key),
        _ => throw Work.Error($"{PythonText.ShortRepr(key)} cannot be a key of JSON."),
    };

    private void WriteBlock<T>(char open, char close, IEnumerable<T> items, int depth, Action<T> write)
    {
        _output.Append(open);
        var first = true;
        foreach (var entry in items)
        {
            if (!first)
            {
                _output.Append(_item);
            }

            NewLine(depth + 1);
            write(entry);
            first = false;
        }

        if (!first)
        {
            NewLine(depth);
        }

        _output.Append(close);
    }

    private void NewLine(int depth)
    {
        if (_indent is not null)
        {
            Work.Characters(1 + ((long)_indent.Length * depth));
            Work.CheckLength(_output.Length + ((long)_indent.Length * depth));
            _output.Append('\n').Insert(_output.Length, _indent, depth);
        }
    }

    private void WriteText(string text)
    {
        _output.Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => _output.Append("\\\""),
                '\\' => _output.Append("\\\\"),
                '\n' => _output.Append("\\n"),
                '\r' => _output.Append("\\r"),
                '\t' => _output.Append("\\t"),
                '\b' => _output.Append("\\b"),
                '\f' => _output.Append("\\f"),
                _ when c < ' '
                    || (_ascii && c > '~') => _output.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => _output.Append(c),
            };
        }

        _output.Append('"');
    }
}
