using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Models;

/// <summary>Takes the longest token that begins the word, then the longest continuation, and so on.</summary>
/// <remarks>Source: Schuster, Nakajima, "Japanese and Korean Voice Search", 2012; as BERT uses it.</remarks>
internal sealed class WordPieceModel : TokenModel
{
    private const int DefaultLongestWord = 100;

    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _starts;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _continuations;
    private readonly string _prefix;
    private readonly int _unknown, _longestWord, _longestToken;

    private WordPieceModel(Section section)
    {
        _vocabulary = VocabularyReader.Read(section["vocab"]);
        _prefix = section.OptionalString("continuing_subword_prefix") ?? "##";
        _longestWord = section["max_input_chars_per_word"].IsNull
            ? DefaultLongestWord : section.Int("max_input_chars_per_word");
        _unknown = Require(section, "unk_token", "[UNK]", _vocabulary);
        Dictionary<string, int> inner = new(StringComparer.Ordinal);
        foreach (var (token, id) in _vocabulary)
        {
            CheckLength(section["vocab"], token);
            _longestToken = Math.Max(_longestToken, token.Length);
            if (token.StartsWith(_prefix, StringComparison.Ordinal))
            {
                inner[token[_prefix.Length..]] = id;
            }
        }

        _starts = _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _continuations = inner.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public static new WordPieceModel Parse(Section section) => new(section);

    public override void Encode(ReadOnlySpan<char> piece, List<int> ids)
    {
        int before = ids.Count, start = 0;
        var known = piece.Length <= _longestWord || Characters(piece) <= _longestWord;
        while (known && start < piece.Length)
        {
            var end = Longest(piece, start, out var id);
            known = end > start;
            start = end;
            ids.Add(id);
        }

        if (!known)
        {
            ids.RemoveRange(before, ids.Count - before);
            ids.Add(_unknown);
        }
    }

    public override int ByteLength(string token) => base.ByteLength(
        token.StartsWith(_prefix, StringComparison.Ordinal) ? token[_prefix.Length..] : token);

    private static int Characters(ReadOnlySpan<char> piece)
    {
        var count = 0;
        foreach (var _ in piece.EnumerateRunes())
        {
            count++;
        }

        return count;
    }

    private int Longest(ReadOnlySpan<char> piece, int start, out int id)
    {
        var lookup = start == 0 ? _starts : _continuations;
        for (var end = Math.Min(piece.Length, start + _longestToken); end > start; end--)
        {
            var cutsCharacter = end < piece.Length && char.IsSurrogatePair(piece[end - 1], piece[end]);
            if (!cutsCharacter && lookup.TryGetValue(piece[start..end], out id))
            {
                return end;
            }
        }

        id = -1;
        return start;
    }
}
