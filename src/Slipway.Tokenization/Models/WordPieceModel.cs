using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Models;

/// <summary>Takes the longest token that begins the word, then the longest continuation, and so on.</summary>
/// <remarks>Source: Schuster, Nakajima, "Japanese and Korean Voice Search", 2012; as BERT uses it.</remarks>
internal sealed class WordPieceModel : TokenModel
{
    private const int DefaultLongestWord = 100;

    private readonly Dictionary<string, int> vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> starts;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> continuations;
    private readonly string prefix;
    private readonly int unknown, longestWord, longestToken;

    private WordPieceModel(Section section)
    {
        vocabulary = VocabularyReader.Read(section["vocab"]);
        prefix = section.OptionalString("continuing_subword_prefix") ?? "##";
        longestWord = section["max_input_chars_per_word"].IsNull
            ? DefaultLongestWord : section.Int("max_input_chars_per_word");
        unknown = Require(section, "unk_token", "[UNK]", vocabulary);
        Dictionary<string, int> inner = new(StringComparer.Ordinal);
        foreach ((string token, int id) in vocabulary)
        {
            longestToken = Math.Max(longestToken, token.Length);
            if (token.StartsWith(prefix, StringComparison.Ordinal))
            {
                inner[token[prefix.Length..]] = id;
            }
        }

        starts = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        continuations = inner.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => vocabulary;

    public static new WordPieceModel Parse(Section section) => new(section);

    public override void Encode(string piece, List<int> ids)
    {
        int before = ids.Count, start = 0;
        bool known = piece.Length <= longestWord || piece.EnumerateRunes().Count() <= longestWord;
        while (known && start < piece.Length)
        {
            int end = Longest(piece, start, out int id);
            known = end > start;
            start = end;
            ids.Add(id);
        }

        if (!known)
        {
            ids.RemoveRange(before, ids.Count - before);
            ids.Add(unknown);
        }
    }

    public override int ByteLength(string token) => base.ByteLength(
        token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : token);

    private int Longest(string piece, int start, out int id)
    {
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = start == 0 ? starts : continuations;
        for (int end = Math.Min(piece.Length, start + longestToken); end > start; end--)
        {
            bool cutsCharacter = end < piece.Length && char.IsSurrogatePair(piece[end - 1], piece[end]);
            if (!cutsCharacter && lookup.TryGetValue(piece.AsSpan()[start..end], out id))
            {
                return end;
            }
        }

        id = -1;
        return start;
    }
}
