using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using Slipway.Tokenization.Models;

namespace Slipway.Tokenization;

/// <summary>Keeps what a message says apart from the control tokens that a chat template writes around it.</summary>
/// <remarks>
/// A user's text may contain <c>&lt;|im_end|&gt;</c>. Encoded with the prompt it would end the user's turn. So texts
/// are escaped before the template is rendered: a mark stands inside each control token that they spell, and behind
/// each beginning of one at their end. <see cref="Encode"/> removes the marks and encodes the template's text as it is,
/// but takes no token across a mark for a control token. Texts that spell none are escaped to themselves, and their
/// prompts have the ids that they always had. The marks are two signs of the Yi script; those of a text itself are
/// doubled. Control tokens are the special tokens of a tokenizer, and of its other added tokens those that the given
/// sources spell, such as the tags of thoughts and calls. What a template itself puts between brackets, such as a
/// name, it has written. Immutable and safe for concurrent use.
/// </remarks>
public sealed class ControlTokens
{
    private const char Sign = '\uA4C6', Mark = '\uA4C5';

    private const string PlainSign = "\uA4C6", PlainMark = "\uA4C5";

    // As JSON writes them where it may hold ASCII alone.
    private const string AsciiSign = "\\ua4c6", AsciiMark = "\\ua4c5";

    private readonly HuggingFaceTokenizer? _tokenizer;
    private readonly TokenGuard? _guard;
    private readonly TokenTrie _trie = new();
    private readonly string[] _contents;
    private readonly SearchValues<char> _starts;
    private readonly int _longest;

    /// <summary>Finds the control tokens of a tokenizer.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="sources">Texts whose added tokens count although the tokenizer does not call them special: the
    /// sources of chat templates, the tags of formats.</param>
    public ControlTokens(HuggingFaceTokenizer tokenizer, params IEnumerable<string> sources)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(sources);
        _tokenizer = tokenizer;
        string[] texts = [.. sources];
        AddedToken[] tokens = [.. tokenizer.AddedTokens.Where(token => token.Content.Length > 1
            && (token.Special || (!string.IsNullOrWhiteSpace(token.Content)
                && texts.Any(text => text.Contains(token.Content, StringComparison.Ordinal)))))];
        _guard = tokenizer.Guard(tokens);
        _contents = [.. tokens.Select(token => token.Content).Distinct(StringComparer.Ordinal)];
        for (var i = 0; i < _contents.Length; i++)
        {
            _trie.Add(_contents[i], i);
        }

        _starts = SearchValues.Create([.. _contents.Select(content => content[0]), Sign, '\\']);
        _longest = _contents.Length == 0 ? 0 : _contents.Max(content => content.Length);
    }

    private ControlTokens() => (_contents, _starts) = ([], SearchValues.Create(Sign, '\\'));

    /// <summary>No control tokens: every text is its own.</summary>
    public static ControlTokens None { get; } = new();

    /// <summary>Marks the control tokens that a text spells, or begins to spell at its end.</summary>
    /// <param name="text">The text.</param>
    /// <param name="spared">Control tokens that are left as they are, for templates that look for them.</param>
    public string Escape(string text, IReadOnlyCollection<string>? spared = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        var result = text.AsSpan().ContainsAny(_starts) ? MarkSpelled(text, spared ?? []) : text;
        return ReferenceEquals(result, text) && _guard?.SpellsNormalized(text) == true ? $"{text}{Sign}{Mark}" : result;
    }

    /// <summary>Escapes all strings and names of members of a JSON value.</summary>
    /// <param name="node">The value; it is not changed.</param>
    /// <returns>A value of its own.</returns>
    public JsonNode? Escape(JsonNode? node) => node switch
    {
        JsonObject fields => new JsonObject(fields.Select(
            field => KeyValuePair.Create(Escape(field.Key), Escape(field.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Escape)]),
        JsonValue value when value.TryGetValue<string>(out var text) => JsonValue.Create(Escape(text)),
        _ => node?.DeepClone(),
    };

    /// <summary>The text that a template rendered of escaped ones, without the marks.</summary>
    /// <param name="rendered">What the template rendered.</param>
    public static string Unescape(string rendered) => Unescape(rendered, null);

    /// <summary>Encodes what a template rendered of escaped texts; only the template's own text gives control
    /// tokens.</summary>
    /// <param name="rendered">What the template rendered.</param>
    /// <returns>The ids, without those that the post-processor would add.</returns>
    public int[] Encode(string rendered)
    {
        ArgumentNullException.ThrowIfNull(rendered);
        List<int> barriers = [];
        var text = Unescape(rendered, barriers);
        return _tokenizer?.Encode(text, _guard!, [.. barriers]) ?? [];
    }

    private string MarkSpelled(string text, IReadOnlyCollection<string> spared)
    {
        var end = text.AsSpan().TrimEnd().Length;
        StringBuilder? result = null;
        var copied = 0;
        for (var at = 0; at < text.Length; at++)
        {
            var offset = text.AsSpan(at).IndexOfAny(_starts);
            if (offset < 0)
            {
                break;
            }

            at += offset;
            if (text[at] == Sign)
            {
                Copy(at + 1).Append(Sign);
            }
            else if (text.AsSpan(at).StartsWith(AsciiSign, StringComparison.Ordinal))
            {
                Copy(at + 1).Append(Sign).Append(Mark);
            }
            else if (_trie.Longest(text.AsSpan(at), out _) is >= 0 and var found && !spared.Contains(_contents[found]))
            {
                Copy(at + 1).Append(Sign).Append(Mark);
            }
            else if (end - at < _longest && at < end && BeginsToken(text.AsSpan(at, end - at)))
            {
                Copy(end).Append(Sign).Append(Mark);
                break;
            }
        }

        return result?.Append(text, copied, text.Length - copied).ToString() ?? text;

        StringBuilder Copy(int until)
        {
            result ??= new StringBuilder(text.Length + 16);
            result.Append(text, copied, until - copied);
            copied = until;
            return result;
        }
    }

    private bool BeginsToken(ReadOnlySpan<char> text)
    {
        var node = 0;
        foreach (var character in text)
        {
            node = _trie.Next(node, character);
            if (node < 0)
            {
                return false;
            }
        }

        return true;
    }

    // A sign that a template has cut from its mark stands for nothing.
    private static string Unescape(string rendered, List<int>? barriers)
    {
        ArgumentNullException.ThrowIfNull(rendered);
        var at = FindSign(rendered, 0);
        if (at == rendered.Length)
        {
            return rendered;
        }

        StringBuilder text = new(rendered, 0, at, rendered.Length);
        while (at < rendered.Length)
        {
            var (sign, mark) = rendered[at] == Sign ? (PlainSign, PlainMark) : (AsciiSign, AsciiMark);
            var from = at + sign.Length;
            if (rendered.AsSpan(from).StartsWith(sign, StringComparison.Ordinal))
            {
                text.Append(sign);
                from += sign.Length;
            }
            else if (rendered.AsSpan(from).StartsWith(mark, StringComparison.Ordinal))
            {
                barriers?.Add(text.Length);
                from += mark.Length;
            }

            at = FindSign(rendered, from);
            text.Append(rendered, from, at - from);
        }

        return text.ToString();
    }

    private static int FindSign(string text, int from)
    {
        while (text.AsSpan(from).IndexOfAny(Sign, '\\') is >= 0 and var offset)
        {
            from += offset;
            if (text[from] == Sign || text.AsSpan(from).StartsWith(AsciiSign, StringComparison.Ordinal))
            {
                return from;
            }

            from++;
        }

        return text.Length;
    }
}
