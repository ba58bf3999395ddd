using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Models;

/// <summary>Byte-pair encoding: the neighbouring pair that was learned first is merged first.</summary>
/// <remarks>Source: Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016.</remarks>
internal sealed class BpeModel : TokenModel
{
    private const int CachedPieces = 16_384;
    private const int CachedLength = 64;
    private const int LongestPiece = 512;

    private readonly Dictionary<string, int> vocabulary;
    private readonly Dictionary<long, (int Rank, int Id)> merges;
    private readonly ConcurrentDictionary<string, int[]> cache = new();
    private readonly int? unknown;
    private readonly bool byteFallback, fuseUnknown, ignoreMerges;
    private readonly string prefix, suffix;
    private readonly int[] byteIds = new int[256];

    private BpeModel(Section section)
    {
        vocabulary = VocabularyReader.Read(section["vocab"]);
        byteFallback = section.Bool("byte_fallback", false);
        fuseUnknown = section.Bool("fuse_unk", false);
        ignoreMerges = section.Bool("ignore_merges", false);
        unknown = section["unk_token"].IsNull ? null : Require(section, "unk_token", string.Empty, vocabulary);
        prefix = section.OptionalString("continuing_subword_prefix") ?? string.Empty;
        suffix = section.OptionalString("end_of_word_suffix") ?? string.Empty;
        FindByteIds();
        merges = ReadMerges(section["merges"]);
    }

    // Pieces with scores: two neighbours merge where together they are a piece, the highest score first.
    private BpeModel(Section section, (string Token, double Score)[] pieces)
    {
        (prefix, suffix) = (string.Empty, string.Empty);
        byteFallback = section.Bool("byte_fallback", false);
        fuseUnknown = true;
        vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach ((string token, _) in pieces)
        {
            if (!vocabulary.TryAdd(token, vocabulary.Count))
            {
                throw section["vocab"].Error($"'model.vocab' holds the token '{token}' twice.");
            }
        }

        int unknownId = section["unk_id"].IsNull ? -1 : section.Int("unk_id");
        unknown = unknownId >= 0 && unknownId < pieces.Length ? unknownId : null;
        FindByteIds();
        merges = [];
        double[] scores = [.. pieces.Select(piece => piece.Score).Distinct().OrderDescending()];
        Dictionary<double, int> ranks = scores.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        foreach ((string token, double score) in pieces)
        {
            for (int cut = 1; cut < Math.Min(token.Length, LongestPiece); cut++)
            {
                if (vocabulary.TryGetValue(token[..cut], out int left) && vocabulary.TryGetValue(token[cut..], out int right))
                {
                    merges[BpeMerging.Key(left, right)] = (ranks[score], vocabulary[token]);
                }
            }
        }
    }

    public static BpeModel ParseScores(Section section) =>
        new(section, [.. section["vocab"].Items().Select(UnigramModel.Entry)]);

    public override IReadOnlyDictionary<string, int> Vocabulary => vocabulary;

    public static new BpeModel Parse(Section section) => new(section);

    public override void Encode(string piece, List<int> ids)
    {
        if (cache.TryGetValue(piece, out int[]? known))
        {
            ids.AddRange(known);
            return;
        }

        int before = ids.Count;
        if (ignoreMerges && vocabulary.TryGetValue(piece, out int whole))
        {
            ids.Add(whole);
        }
        else
        {
            List<int> symbols = Symbols(piece);
            BpeMerging.Merge(symbols, merges);
            ids.AddRange(symbols);
        }

        if (piece.Length <= CachedLength && cache.Count < CachedPieces)
        {
            cache.TryAdd(piece, [.. ids[before..]]);
        }
    }

    private void FindByteIds()
    {
        for (int value = 0; value < 256; value++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");
            byteIds[value] = vocabulary.TryGetValue(name, out int byteId) ? byteId : -1;
        }
    }

    private List<int> Symbols(string piece)
    {
        List<int> symbols = new(piece.Length);
        bool afterUnknown = false;
        Span<byte> utf8 = stackalloc byte[4];
        for (int i = 0; i < piece.Length;)
        {
            Rune.DecodeFromUtf16(piece.AsSpan(i), out Rune rune, out int length);
            string start = i == 0 ? string.Empty : prefix, end = i + length == piece.Length ? suffix : string.Empty;
            if (vocabulary.TryGetValue(string.Concat(start, piece.AsSpan(i, length), end), out int id))
            {
                symbols.Add(id);
                afterUnknown = false;
            }
            else if (!TryAddBytes(utf8[..rune.EncodeToUtf8(utf8)], symbols) && unknown is { } unknownId)
            {
                if (!(fuseUnknown && afterUnknown))
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
        if (!byteFallback)
        {
            return false;
        }

        foreach (byte value in bytes)
        {
            if (byteIds[value] < 0)
            {
                return false;
            }
        }

        foreach (byte value in bytes)
        {
            symbols.Add(byteIds[value]);
        }

        return true;
    }

    private Dictionary<long, (int Rank, int Id)> ReadMerges(Section section)
    {
        Dictionary<long, (int, int)> result = new(section.Require(JsonValueKind.Array).Element.GetArrayLength());
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> ids =
            vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        char[] buffer = new char[LongestPiece];
        int rank = 0;
        foreach (Section merge in section.Items())
        {
            Split(merge, out ReadOnlySpan<char> left, out ReadOnlySpan<char> right);
            ReadOnlySpan<char> tail = right.StartsWith(prefix, StringComparison.Ordinal) ? right[prefix.Length..] : right;
            if (!ids.TryGetValue(left, out int leftId))
            {
                throw Lacks(merge, left, right, left);
            }

            if (!ids.TryGetValue(right, out int rightId))
            {
                throw Lacks(merge, left, right, right);
            }

            Span<char> whole = left.Length + tail.Length <= LongestPiece
                ? buffer.AsSpan(0, left.Length + tail.Length) : new char[left.Length + tail.Length];
            left.CopyTo(whole);
            tail.CopyTo(whole[left.Length..]);
            result.TryAdd(
                BpeMerging.Key(leftId, rightId),
                (rank++, ids.TryGetValue(whole, out int id) ? id : throw Lacks(merge, left, right, whole)));
        }

        return result;
    }

    private static TokenizerFormatException Lacks(
        Section merge, ReadOnlySpan<char> left, ReadOnlySpan<char> right, ReadOnlySpan<char> token) => merge.Error(
            $"'{merge.Path}' merges '{left}' and '{right}', but the vocabulary lacks '{token}'.");

    private static void Split(Section merge, out ReadOnlySpan<char> left, out ReadOnlySpan<char> right)
    {
        if (merge.Element.ValueKind == JsonValueKind.Array && merge.Element.GetArrayLength() == 2)
        {
            left = merge.At(0).AsString();
            right = merge.At(1).AsString();
            return;
        }

        string pair = merge.AsString();
        int space = pair.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0 || pair.IndexOf(' ', space + 1) >= 0)
        {
            throw merge.Wrong("two tokens");
        }

        left = pair.AsSpan(0, space);
        right = pair.AsSpan(space + 1);
    }
}
