using System.Globalization;
using System.Text;
using System.Text.Json;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Models;

/// <summary>The segmentation whose tokens' log-probabilities have the greatest sum.</summary>
/// <remarks>
/// Characters that no token holds cost 10 more than the least likely token; neighbours of that kind become one unknown
/// token, or their bytes. Source: Kudo, "Subword Regularization", 2018, as in SentencePiece.
/// </remarks>
internal sealed class UnigramModel : TokenModel
{
    private const double UnknownPenalty = 10;

    private readonly Dictionary<string, int> _vocabulary = new(StringComparer.Ordinal);
    private readonly TokenTrie _trie = new();
    private readonly List<double> _scores = [];
    private readonly int? _unknown;
    private readonly int[]? _byteIds;
    private readonly double _unknownScore;

    private UnigramModel(Section section)
    {
        var list = section["vocab"];
        foreach (var entry in list.Items())
        {
            var (token, score) = Entry(entry);
            if (_scores.Count > VocabularyReader.MaximumId)
            {
                throw list.Error($"'{list.Path}' holds more than {VocabularyReader.MaximumId} tokens.");
            }

            if (!_vocabulary.TryAdd(token, _scores.Count))
            {
                throw entry.Error($"'{list.Path}' holds the token '{Quoted.Short(token)}' twice.");
            }

            CheckLength(entry, token);
            _trie.Add(token, _scores.Count);
            _scores.Add(score);
        }

        _unknownScore = _scores.DefaultIfEmpty(0).Min() - UnknownPenalty;
        if (!section["unk_id"].IsNull)
        {
            var id = section.Int("unk_id");
            _unknown = id >= 0 && id < _scores.Count ? id
                : throw section["unk_id"].Wrong($"an id below {_scores.Count}, the size of the vocabulary");
        }

        _byteIds = section.Bool("byte_fallback", false) ? ByteIds() : null;
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public static new UnigramModel Parse(Section section) => new(section);

    public override void Encode(ReadOnlySpan<char> piece, List<int> ids)
    {
        // best[i]: the best segmentation of the first i units; -1 marks where none ends.
        var best = new double[piece.Length + 1];
        int[] from = new int[piece.Length + 1], token = new int[piece.Length + 1];
        Array.Fill(from, -1);
        from[0] = 0;
        void Offer(int start, int end, int id, double score)
        {
            if (from[end] < 0 || best[start] + score > best[end])
            {
                (best[end], from[end], token[end]) = (best[start] + score, start, id);
            }
        }

        for (var start = 0; start < piece.Length;)
        {
            Rune.DecodeFromUtf16(piece[start..], out _, out var size);
            var single = false;
            var node = 0;
            for (var end = start; end < piece.Length && (node = _trie.Next(node, piece[end])) >= 0; end++)
            {
                if (_trie.IdAt(node) is >= 0 and var id)
                {
                    Offer(start, end + 1, id, _scores[id]);
                    single |= end + 1 == start + size;
                }
            }

            if (!single)
            {
                Offer(start, start + size, -1, _unknownScore);
            }

            start += size;
        }

        Collect(piece, from, token, ids);
    }

    private void Collect(ReadOnlySpan<char> piece, int[] from, int[] token, List<int> ids)
    {
        List<(int Start, int End, int Id)> path = [];
        for (var end = piece.Length; end > 0; end = from[end])
        {
            var id = token[end] == _unknown ? -1 : token[end];
            if (id < 0 && path.Count > 0 && path[^1].Id < 0)
            {
                path[^1] = (from[end], path[^1].End, -1);
            }
            else
            {
                path.Add((from[end], end, id));
            }
        }

        path.Reverse();
        foreach (var (start, end, id) in path)
        {
            if (id >= 0)
            {
                ids.Add(id);
            }
            else if (_byteIds is not null)
            {
                foreach (var rune in piece[start..end].EnumerateRunes())
                {
                    AddBytes(rune, ids);
                }
            }
            else if (_unknown is { } unknownId)
            {
                ids.Add(unknownId);
            }
        }
    }

    private void AddBytes(Rune rune, List<int> ids)
    {
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var value in utf8[..rune.EncodeToUtf8(utf8)])
        {
            ids.Add(_byteIds![value]);
        }
    }

    // Byte tokens are used where all 256 are there, as in SentencePiece.
    private int[]? ByteIds()
    {
        var result = new int[256];
        for (var value = 0; value < result.Length; value++)
        {
            if (!_vocabulary.TryGetValue(
                string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), out result[value]))
            {
                return null;
            }
        }

        return result;
    }

    internal static (string Token, double Score) Entry(Section entry)
    {
        if (entry.Element.ValueKind != JsonValueKind.Array || entry.Element.GetArrayLength() != 2)
        {
            throw entry.Wrong("a token and its score");
        }

        Section[] items = [.. entry.Items()];
        return items[1].Element.ValueKind == JsonValueKind.Number && items[1].Element.TryGetDouble(out var score)
            && double.IsFinite(score) ? (items[0].AsString(), score) : throw items[1].Wrong("a number");
    }
}
