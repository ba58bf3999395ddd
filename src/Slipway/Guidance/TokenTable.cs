using System.Text;
using System.Text.Unicode;
using Slipway.Tokenization;

namespace Slipway.Guidance;

/// <summary>The bytes of all tokens of a vocabulary as a tree, so that what several begin with is tried once.</summary>
/// <remarks>Immutable, safe for concurrent use.</remarks>
internal sealed class TokenTable
{
    private readonly byte[][] _bytesOf;
    private readonly bool[] _isTag;
    private readonly HuggingFaceTokenizer? _tokenizer;
    private readonly int[] _ids;
    private readonly Node[] _nodes; // each before those below it, then one that ends them

    /// <param name="tokens">A token's bytes, none where it stands for no text.</param>
    /// <param name="tags">The tokens that are tags: they come where the grammar has the tag, not as part of other
    /// text.</param>
    /// <param name="tokenizer">Writes texts as tokens; null where nothing does.</param>
    public TokenTable(
        IEnumerable<byte[]> tokens, IReadOnlySet<int>? tags = null, HuggingFaceTokenizer? tokenizer = null)
    {
        _tokenizer = tokenizer;
        _bytesOf = [.. tokens];
        _isTag = [.. _bytesOf.Select((_, id) => tags?.Contains(id) == true)];
        var sorted = _bytesOf.Select((bytes, id) => (Bytes: bytes, Id: id))
            .Where(token => token.Bytes.Length > 0).ToArray();
        Array.Sort(sorted, (x, y) => x.Bytes.AsSpan().SequenceCompareTo(y.Bytes));
        _ids = [.. sorted.Select(token => token.Id)];
        _nodes = Tree(sorted);
        Longest = sorted.Length == 0 ? 0 : sorted.Max(token => token.Bytes.Length);
    }

    private int Longest { get; }

    /// <summary>Reads a tokenizer's; special tokens stand for text only where they are tags of the answer.</summary>
    public static TokenTable From(HuggingFaceTokenizer tokenizer, IReadOnlySet<string> tags)
        => new(
            Enumerable.Range(0, tokenizer.VocabularySize).Select(id =>
                !tokenizer.IsSpecial(id) ? tokenizer.TokenBytes(id).ToArray()
                : tags.Contains(tokenizer.IdToToken(id)!) ? Encoding.UTF8.GetBytes(tokenizer.IdToToken(id)!)
                : []),
            tags.Select(tokenizer.TokenToId).OfType<int>().ToHashSet(),
            tokenizer);

    /// <summary>The bytes that a token stands for.</summary>
    public ReadOnlySpan<byte> BytesOf(int id) => (uint)id < (uint)_bytesOf.Length ? _bytesOf[id] : [];

    /// <summary>Writes bytes as the tokens that the model knows texts by; none where they are no whole text.</summary>
    public IReadOnlyList<int> Encode(byte[] bytes)
    {
        if (_tokenizer is null || bytes.Length == 0 || !Utf8.IsValid(bytes))
        {
            return [];
        }

        // A tokenizer may put something before a text, which has no place in the middle of an answer.
        var ids = _tokenizer.Encode(Encoding.UTF8.GetString(bytes), addSpecialTokens: false);
        return ids.SelectMany(id => BytesOf(id).ToArray()).SequenceEqual(bytes) ? ids : [];
    }

    /// <summary>Which tokens a state allows, a bit for each.</summary>
    /// <param name="automaton">The grammar.</param>
    /// <param name="state">The state.</param>
    /// <param name="last">
    /// A state whose tokens may be known: where this one is the same but for a count of characters, such as that of a
    /// string of at most so many, only tokens that reach the bound are gone through. Null for none.
    /// </param>
    public ulong[] Allowed(GrammarAutomaton automaton, GrammarState state, GrammarState? last = null)
        => state.AllowedTokens ??= last?.AllowedTokens is { } known && state.IsLike(last, 0)
            ? Correct(automaton, state, last, (ulong[])known.Clone())
            : Walk(automaton, state);

    /// <summary>Which tokens of some text a state forbids; for states that allow nearly all.</summary>
    public int[] Forbidden(GrammarAutomaton automaton, GrammarState state)
    {
        if (state.ForbiddenTokens is null)
        {
            var allowed = Walk(automaton, state);
            state.ForbiddenTokens = [.. _ids.Where(id => (allowed[id / 64] & (1UL << (id % 64))) == 0)];
        }

        return state.ForbiddenTokens;
    }

    private ulong[] Walk(GrammarAutomaton automaton, GrammarState state)
    {
        var allowed = new ulong[(_bytesOf.Length + 63) / 64];
        var states = new GrammarState[Longest + 1];
        states[0] = state;
        for (var i = 0; i < _nodes.Length - 1;)
        {
            var node = _nodes[i];
            var before = states[node.Depth - 1];
            if (automaton.Next(before, node.Value) is not { } next)
            {
                i = node.End;
                continue;
            }

            states[node.Depth] = next;
            Set(i++, before, allowed);
        }

        return allowed;
    }

    // What another state allows becomes what this one does: tokens that both take alike stay.
    private ulong[] Correct(GrammarAutomaton automaton, GrammarState state, GrammarState other, ulong[] allowed)
    {
        var states = new (GrammarState? Own, GrammarState? Other)[Longest + 1];
        states[0] = (state, other);
        for (var i = 0; i < _nodes.Length - 1;)
        {
            var node = _nodes[i];
            var (own, others) = states[node.Depth - 1];
            if (own == others || (own is not null && others is not null && own.IsLike(others, node.Bytes)))
            {
                i = node.End;
                continue;
            }

            var next = own is null ? null : automaton.Next(own, node.Value);
            states[node.Depth] = (next, others is null ? null : automaton.Next(others, node.Value));
            Set(i++, next is null ? null : own, allowed);
        }

        return allowed;
    }

    // Inside a string, say, any text may come; a tag there is a slip, and its token is not taken for text.
    private void Set(int node, GrammarState? before, ulong[] allowed)
    {
        for (var at = _nodes[node].FirstId; at < _nodes[node + 1].FirstId; at++)
        {
            var id = _ids[at];
            var bit = 1UL << (id % 64);
            if (before is not null && (!_isTag[id] || before.IsFixed || before.IsFree))
            {
                allowed[id / 64] |= bit;
            }
            else
            {
                allowed[id / 64] &= ~bit;
            }
        }
    }

    private static Node[] Tree((byte[] Bytes, int Id)[] sorted)
    {
        var nodes = new List<Node>();
        var path = new Stack<int>();
        byte[] last = [];
        for (var i = 0; i < sorted.Length; i++)
        {
            var bytes = sorted[i].Bytes;
            Close(bytes.AsSpan().CommonPrefixLength(last));
            while (path.Count < bytes.Length)
            {
                path.Push(nodes.Count);
                nodes.Add(new(bytes[path.Count - 1], path.Count, i, 0, 0));
            }

            last = bytes;
        }

        Close(0);
        nodes.Add(new(0, 0, sorted.Length, 0, 0));
        return [.. nodes];

        void Close(int depth)
        {
            while (path.Count > depth)
            {
                var node = path.Pop();
                nodes[node] = nodes[node] with { End = nodes.Count, Bytes = nodes[node].Bytes + 1 };
                if (path.TryPeek(out var above))
                {
                    nodes[above] = nodes[above] with { Bytes = Math.Max(nodes[above].Bytes, nodes[node].Bytes) };
                }
            }
        }
    }

    /// <param name="Value">The byte.</param>
    /// <param name="Depth">How many bytes it is from the root, itself included.</param>
    /// <param name="FirstId">Where the ids of the tokens that end here begin; they end where the next node's
    /// begin.</param>
    /// <param name="End">The next node that is not below this one.</param>
    /// <param name="Bytes">How many bytes the longest token has from here on, this one included.</param>
    private readonly record struct Node(byte Value, int Depth, int FirstId, int End, int Bytes);
}
