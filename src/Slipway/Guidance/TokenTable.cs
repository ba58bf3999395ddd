using Slipway.Tokenization;

namespace Slipway.Guidance;

/// <summary>The bytes of all tokens of a vocabulary, sorted, so that tokens with a common start are tried once.</summary>
/// <remarks>Immutable, safe for concurrent use.</remarks>
internal sealed class TokenTable
{
    private readonly (byte[] Bytes, int Id)[] _tokens;
    private readonly int[] _common;
    private readonly byte[][] _bytesOf;

    /// <param name="tokens">A token's bytes, none where it stands for no text.</param>
    public TokenTable(IEnumerable<byte[]> tokens)
    {
        _bytesOf = [.. tokens];
        _tokens = [.. _bytesOf.Select((bytes, id) => (bytes, id)).Where(token => token.bytes.Length > 0)];
        Array.Sort(_tokens, (x, y) => x.Bytes.AsSpan().SequenceCompareTo(y.Bytes));
        _common = new int[_tokens.Length];
        for (var i = 1; i < _tokens.Length; i++)
        {
            _common[i] = _tokens[i].Bytes.AsSpan().CommonPrefixLength(_tokens[i - 1].Bytes);
        }

        Longest = _tokens.Length == 0 ? 0 : _tokens.Max(token => token.Bytes.Length);
    }

    private int Longest { get; }

    /// <summary>Reads a tokenizer's; special tokens stand for text only where they are tags of the answer.</summary>
    public static TokenTable From(HuggingFaceTokenizer tokenizer, IReadOnlySet<string> tags)
        => new(Enumerable.Range(0, tokenizer.VocabularySize).Select(id =>
            !tokenizer.IsSpecial(id) ? tokenizer.TokenBytes(id).ToArray()
            : tags.Contains(tokenizer.IdToToken(id)!) ? System.Text.Encoding.UTF8.GetBytes(tokenizer.IdToToken(id)!)
            : []));

    /// <summary>The bytes that a token stands for.</summary>
    public ReadOnlySpan<byte> BytesOf(int id) => (uint)id < (uint)_bytesOf.Length ? _bytesOf[id] : [];

    /// <summary>Which tokens a state allows, a bit for each.</summary>
    public ulong[] Allowed(GrammarAutomaton automaton, GrammarState state)
    {
        if (state.AllowedTokens is { } known)
        {
            return known;
        }

        var allowed = new ulong[(_bytesOf.Length + 63) / 64];
        var states = new GrammarState[Longest + 1];
        states[0] = state;
        var alive = 0; // how many bytes of the last token went through
        for (var i = 0; i < _tokens.Length; i++)
        {
            var (bytes, id) = _tokens[i];
            if (alive < _common[i])
            {
                continue; // it starts as the last one did, up to where that failed
            }

            alive = _common[i];
            while (alive < bytes.Length && automaton.Next(states[alive], bytes[alive]) is { } next)
            {
                states[++alive] = next;
            }

            if (alive == bytes.Length)
            {
                allowed[id / 64] |= 1UL << (id % 64);
            }
        }

        return state.AllowedTokens = allowed;
    }
}
