using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Slipway.Tokenization.Decoders;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Models;

/// <summary>Byte-pair encoding: the neighbouring pair that was learned first is merged first.</summary>
/// <remarks>
/// Source: Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016.
/// </remarks>
internal sealed class BpeModel : TokenModel
{
    private const int LongestPiece = 512;

    // Characters below are looked up in an array: ASCII and the alphabet of bytes.
    private const int LowCharacters = 0x180;
    private const int StackSymbols = 256;

    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly MergeTable _merges = new();
    private readonly int[] _lowIds = new int[LowCharacters];
    private readonly int? _unknown;
    private readonly bool _byteFallback, _fuseUnknown, _ignoreMerges;
    private bool _mergesNames;
    private readonly string _prefix, _suffix;
    private readonly int[] _byteIds = new int[256];

    private BpeModel(Section section)
    {
        _vocabulary = VocabularyReader.Read(section["vocab"]);
        _byteFallback = section.Bool("byte_fallback", false);
        _fuseUnknown = section.Bool("fuse_unk", false);
        _ignoreMerges = section.Bool("ignore_merges", false);
        _unknown = section["unk_token"].IsNull ? null : Require(section, "unk_token", string.Empty, _vocabulary);
        _prefix = section.OptionalString("continuing_subword_prefix") ?? string.Empty;
        _suffix = section.OptionalString("end_of_word_suffix") ?? string.Empty;
        _lookup = _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        FindCharacterIds();
        HashSet<int> joined = [];
        ReadMerges(section["merges"], joined);
        Splitter = MakeSplitter(joined);
    }

    // Tokens with ranks: two neighbours merge where together they are a token, the lowest rank first.
    private BpeModel(
        Section section, Dictionary<string, int> vocabulary, Func<string, int> rankOf, int? unknown, bool ignoreMerges)
    {
        (_prefix, _suffix) = (string.Empty, string.Empty);
        _byteFallback = section.Bool("byte_fallback", false);
        (_fuseUnknown, _ignoreMerges, _unknown, _vocabulary) = (true, ignoreMerges, unknown, vocabulary);
        _lookup = _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        FindCharacterIds();
        HashSet<int> joined = [];
        foreach (var (token, id) in vocabulary)
        {
            var rank = rankOf(token);
            for (var cut = 1; cut < Math.Min(token.Length, LongestPiece); cut++)
            {
                if (_lookup.TryGetValue(token.AsSpan(0, cut), out var left)
                    && _lookup.TryGetValue(token.AsSpan(cut), out var right))
                {
                    AddMerge(left, right, token.AsSpan(0, cut), token.AsSpan(cut), rank, id, joined);
                }
            }
        }

        Splitter = MakeSplitter(joined);
    }

    /// <summary>Reads SentencePiece's BPE: a list of pieces, each with a score; the highest merges first.</summary>
    public static BpeModel ParseScores(Section section)
    {
        (string Token, double Score)[] pieces = [.. section["vocab"].Items().Select(UnigramModel.Entry)];
        double[] scores = [.. pieces.Select(piece => piece.Score).Distinct().OrderDescending()];
        var ranks = scores.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        foreach (var (token, _) in pieces)
        {
            if (!vocabulary.TryAdd(token, vocabulary.Count))
            {
                throw section["vocab"].Error($"'model.vocab' holds the token '{Quoted.Short(token)}' twice.");
            }
        }

        var unknown = section["unk_id"].IsNull ? -1 : section.Int("unk_id");
        return new BpeModel(
            section, vocabulary, token => ranks[pieces[vocabulary[token]].Score],
            unknown >= 0 && unknown < pieces.Length ? unknown : null, ignoreMerges: false);
    }

    /// <summary>Reads tiktoken's BPE: tokens whose ids are their ranks; a piece that is a token is that.</summary>
    public static BpeModel ParseRanks(Section section)
    {
        var vocabulary = VocabularyReader.Read(section["vocab"]);
        return new BpeModel(section, vocabulary, token => vocabulary[token], unknown: null, ignoreMerges: true);
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public static new BpeModel Parse(Section section) => new(section);

    /// <inheritdoc/>
    public override TextSplitter? Splitter { get; }

    public override void Encode(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (_ignoreMerges && _lookup.TryGetValue(piece, out var whole))
        {
            ids.Add(whole);
            return;
        }

        // A character becomes at most one token, or its bytes.
        var most = _byteFallback ? 3 * piece.Length : piece.Length;
        var rented = most > StackSymbols ? ArrayPool<int>.Shared.Rent(most) : null;
        var symbols = rented ?? stackalloc int[StackSymbols];
        var count = Symbols(piece, symbols);
        ids.AddRange(symbols[..BpeMerging.Merge(symbols[..count], _merges)]);
        if (rented is not null)
        {
            ArrayPool<int>.Shared.Return(rented);
        }
    }

    private void FindCharacterIds()
    {
        for (var value = 0; value < 256; value++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");
            _byteIds[value] = _vocabulary.TryGetValue(name, out var byteId) ? byteId : -1;
        }

        for (var character = 0; character < LowCharacters; character++)
        {
            _lowIds[character] = _vocabulary.TryGetValue(((char)character).ToString(), out var id) ? id : -1;
        }
    }

    private int Symbols(ReadOnlySpan<char> piece, Span<int> symbols)
    {
        int count = 0, length;
        var afterUnknown = false;
        for (var i = 0; i < piece.Length; i += length)
        {
            var id = IdAt(piece, i, out length);
            if (id >= 0)
            {
                symbols[count++] = id;
                afterUnknown = false;
            }
            else if (!TryAddBytes(piece[i..], symbols, ref count) && _unknown is { } unknownId)
            {
                if (!(_fuseUnknown && afterUnknown))
                {
                    symbols[count++] = unknownId;
                }

                afterUnknown = true;
            }
        }

        return count;
    }

    // The token of the character at a place, −1 where it is none.
    private int IdAt(ReadOnlySpan<char> piece, int at, out int length)
    {
        if (piece[at] < LowCharacters && _prefix.Length + _suffix.Length == 0)
        {
            length = 1;
            return _lowIds[piece[at]];
        }

        Rune.DecodeFromUtf16(piece[at..], out _, out length);
        var character = piece.Slice(at, length);
        string start = at == 0 ? string.Empty : _prefix, end = at + length == piece.Length ? _suffix : string.Empty;
        return _lookup.TryGetValue(
            start.Length + end.Length == 0 ? character : string.Concat(start, character, end), out var id) ? id : -1;
    }

    private bool TryAddBytes(ReadOnlySpan<char> text, Span<int> symbols, ref int count)
    {
        if (!_byteFallback)
        {
            return false;
        }

        Rune.DecodeFromUtf16(text, out var rune, out _);
        Span<byte> utf8 = stackalloc byte[4];
        utf8 = utf8[..rune.EncodeToUtf8(utf8)];
        foreach (var value in utf8)
        {
            if (_byteIds[value] < 0)
            {
                return false;
            }
        }

        foreach (var value in utf8)
        {
            symbols[count++] = _byteIds[value];
        }

        return true;
    }

    private void ReadMerges(Section section, HashSet<int> joined)
    {
        var buffer = new char[LongestPiece];
        var rank = 0;
        foreach (var merge in section.Items())
        {
            Split(merge, out var left, out var right);
            var tail = right.StartsWith(_prefix, StringComparison.Ordinal) ? right[_prefix.Length..] : right;
            if (!_lookup.TryGetValue(left, out var leftId))
            {
                throw Lacks(merge, left, right, left);
            }

            if (!_lookup.TryGetValue(right, out var rightId))
            {
                throw Lacks(merge, left, right, right);
            }

            var whole = left.Length + tail.Length <= LongestPiece
                ? buffer.AsSpan(0, left.Length + tail.Length) : new char[left.Length + tail.Length];
            left.CopyTo(whole);
            tail.CopyTo(whole[left.Length..]);
            AddMerge(
                leftId, rightId, left, right, rank++,
                _lookup.TryGetValue(whole, out var id) ? id : throw Lacks(merge, left, right, whole), joined);
        }
    }

    private void AddMerge(
        int leftId, int rightId, ReadOnlySpan<char> left, ReadOnlySpan<char> right, int rank, int id,
        HashSet<int> joined)
    {
        _merges.TryAdd(leftId, rightId, rank, id);
        if (left.Length > 0 && right.Length > 0)
        {
            joined.Add(MergeBoundarySplitter.Pair(left[^1], right[0]));
        }

        // A token of a byte or of unknown text stands for other characters than its own.
        _mergesNames |= TokenDecoder.ByteOf(left) >= 0 || TokenDecoder.ByteOf(right) >= 0
            || leftId == _unknown || rightId == _unknown || left.Length == 0 || right.Length == 0;
    }

    // None where the place of a character in its piece matters, or where a token stands for other characters.
    private MergeBoundarySplitter? MakeSplitter(HashSet<int> joined) =>
        _ignoreMerges || _mergesNames || _prefix.Length + _suffix.Length > 0 ? null
        : new MergeBoundarySplitter(
            joined, [.. _vocabulary.Keys.Where(token => token.Length == 1).Select(token => token[0])]);

    private static TokenizerFormatException Lacks(
        Section merge, ReadOnlySpan<char> left, ReadOnlySpan<char> right, ReadOnlySpan<char> token) => merge.Error(
            $"'{merge.Path}' merges '{Quoted.Short(left)}' and '{Quoted.Short(right)}', but the vocabulary lacks " +
            $"'{Quoted.Short(token)}'.");

    private static void Split(Section merge, out ReadOnlySpan<char> left, out ReadOnlySpan<char> right)
    {
        if (merge.Element.ValueKind == JsonValueKind.Array && merge.Element.GetArrayLength() == 2)
        {
            left = merge.At(0).AsString();
            right = merge.At(1).AsString();
            return;
        }

        var pair = merge.AsString();
        var space = pair.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0 || pair.IndexOf(' ', space + 1) >= 0)
        {
            throw merge.Wrong("two tokens");
        }

        left = pair.AsSpan(0, space);
        right = pair.AsSpan(space + 1);
    }
}
