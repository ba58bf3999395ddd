using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Models;

/// <summary>Byte-pair encoding: the neighbouring pair that was learned first is merged first.</summary>
/// <remarks>
/// Source: Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016.
/// </remarks>
internal sealed class BpeModel : TokenModel
{
    private const int CachedPieces = 16_384;
    private const int CachedLength = 64;
    private const int LongestPiece = 512;

    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<long, (int Rank, int Id)> _merges;
    private readonly ConcurrentDictionary<string, int[]> _cache = new();
    private readonly int? _unknown;
    private readonly bool _byteFallback, _fuseUnknown, _ignoreMerges;
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
        FindByteIds();
        _merges = ReadMerges(section["merges"]);
    }

    // Pieces with scores: two neighbours merge where together they are a piece, the highest score first.
    private BpeModel(Section section, (string Token, double Score)[] pieces)
    {
        (_prefix, _suffix) = (string.Empty, string.Empty);
        _byteFallback = section.Bool("byte_fallback", false);
        _fuseUnknown = true;
        _vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (token, _) in pieces)
        {
            if (!_vocabulary.TryAdd(token, _vocabulary.Count))
            {
                throw section["vocab"].Error($"'model.vocab' holds the token '{Quoted.Short(token)}' twice.");
            }
        }

        var unknownId = section["unk_id"].IsNull ? -1 : section.Int("unk_id");
        _unknown = unknownId >= 0 && unknownId < pieces.Length ? unknownId : null;
        FindByteIds();
        _merges = [];
        double[] scores = [.. pieces.Select(piece => piece.Score).Distinct().OrderDescending()];
        var ranks = scores.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        foreach (var (token, score) in pieces)
        {
            for (var cut = 1; cut < Math.Min(token.Length, LongestPiece); cut++)
            {
                if (_vocabulary.TryGetValue(token[..cut], out var left)
                    && _vocabulary.TryGetValue(token[cut..], out var right))
                {
                    _merges[BpeMerging.Key(left, right)] = (ranks[score], _vocabulary[token]);
                }
            }
        }
    }

    public static BpeModel ParseScores(Section section) =>
        new(section, [.. section["vocab"].Items().Select(UnigramModel.Entry)]);

    public override IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public static new BpeModel Parse(Section section) => new(section);

    public override void Encode(string piece, List<int> ids)
    {
        if (_cache.TryGetValue(piece, out var known))
        {
            ids.AddRange(known);
            return;
        }

        var before = ids.Count;
        if (_ignoreMerges && _vocabulary.TryGetValue(piece, out var whole))
        {
            ids.Add(whole);
        }
        else
        {
            var symbols = Symbols(piece);
            BpeMerging.Merge(symbols, _merges);
            ids.AddRange(symbols);
        }

        if (piece.Length <= CachedLength && _cache.Count < CachedPieces)
        {
            _cache.TryAdd(piece, [.. ids[before..]]);
        }
    }

    private void FindByteIds()
    {
        for (var value = 0; value < 256; value++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");
            _byteIds[value] = _vocabulary.TryGetValue(name, out var byteId) ? byteId : -1;
        }
    }

    private List<int> Symbols(string piece)
    {
        List<int> symbols = new(piece.Length);
        var afterUnknown = false;
        Span<byte> utf8 = stackalloc byte[4];
        for (var i = 0; i < piece.Length;)
        {
            Rune.DecodeFromUtf16(piece.AsSpan(i), out var rune, out var length);
            string start = i == 0 ? string.Empty : _prefix, end = i + length == piece.Length ? _suffix : string.Empty;
            if (_vocabulary.TryGetValue(string.Concat(start, piece.AsSpan(i, length), end), out var id))
            {
                symbols.Add(id);
                afterUnknown = false;
            }
            else if (!TryAddBytes(utf8[..rune.EncodeToUtf8(utf8)], symbols) && _unknown is { } unknownId)
            {
                if (!(_fuseUnknown && afterUnknown))
                {
                    symbols.Add(unknownId);
                }

                afterUnknown = true;
            }

            i += length;
        }

        return symbols;
    }

    private bool TryAddBytes(ReadOnlySpan<byte> bytes, List<int> symbols)
    {
        if (!_byteFallback)
        {
            return false;
        }

        foreach (var value in bytes)
        {
            if (_byteIds[value] < 0)
            {
                return false;
            }
        }

        foreach (var value in bytes)
        {
            symbols.Add(_byteIds[value]);
        }

        return true;
    }

    private Dictionary<long, (int Rank, int Id)> ReadMerges(Section section)
    {
        Dictionary<long, (int, int)> result = new(section.Require(JsonValueKind.Array).Element.GetArrayLength());
        var ids =
            _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        var buffer = new char[LongestPiece];
        var rank = 0;
        foreach (var merge in section.Items())
        {
            Split(merge, out var left, out var right);
            var tail = right.StartsWith(_prefix, StringComparison.Ordinal) ? right[_prefix.Length..] : right;
            if (!ids.TryGetValue(left, out var leftId))
            {
                throw Lacks(merge, left, right, left);
            }

            if (!ids.TryGetValue(right, out var rightId))
            {
                throw Lacks(merge, left, right, right);
            }

            var whole = left.Length + tail.Length <= LongestPiece
                ? buffer.AsSpan(0, left.Length + tail.Length) : new char[left.Length + tail.Length];
            left.CopyTo(whole);
            tail.CopyTo(whole[left.Length..]);
            result.TryAdd(
                BpeMerging.Key(leftId, rightId),
                (rank++, ids.TryGetValue(whole, out var id) ? id : throw Lacks(merge, left, right, whole)));
        }

        return result;
    }

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
