using System.Text.Json;

namespace Slipway.Checkpoints.Gguf.Vocabulary;

// SentencePiece's BPE ('llama'): merges follow from the scores, as Hugging Face derives them. A merge is each pair of
// tokens that makes a token, best score first; of equal scores the one with the longer first part.
internal static class SentencePieceTokenizer
{
    private const string ScoresKey = "tokenizer.ggml.scores";
    private const string Space = "▁";
    private const int LongestToken = 256;

    public static byte[] Make(GgufMetadata metadata)
    {
        var vocabulary = new GgufVocabulary(metadata);
        var scores = metadata.Numbers(ScoresKey) ?? throw GgufTokenizer.Lacks(metadata, ScoresKey);
        if (scores.Length != vocabulary.Tokens.Length)
        {
            throw metadata.Bad(
                ScoresKey, $"a list of {scores.Length}", $"one number for each of {vocabulary.Tokens.Length} tokens");
        }

        var addsSpace = metadata.Flag("tokenizer.ggml.add_space_prefix") ?? true;
        return GgufTokenizer.Write(json =>
        {
            GgufTokenizer.WriteAdded(json, vocabulary);
            WriteNormalizer(json, addsSpace);
            json.WriteNull("pre_tokenizer");
            GgufTokenizer.WriteTemplate(json, metadata, vocabulary, addsBos: true);
            WriteDecoder(json, addsSpace);
            WriteModel(json, vocabulary, scores);
        });
    }

    private static void WriteNormalizer(Utf8JsonWriter json, bool addsSpace)
    {
        json.WriteStartObject("normalizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("normalizers");
        if (addsSpace)
        {
            json.WriteStartObject();
            json.WriteString("type", "Prepend");
            json.WriteString("prepend", Space);
            json.WriteEndObject();
        }

        WriteReplace(json, " ", Space);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteDecoder(Utf8JsonWriter json, bool addsSpace)
    {
        json.WriteStartObject("decoder");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("decoders");
        WriteReplace(json, Space, " ");
        foreach (var type in (string[])["ByteFallback", "Fuse"])
        {
            json.WriteStartObject();
            json.WriteString("type", type);
            json.WriteEndObject();
        }

        if (addsSpace)
        {
            json.WriteStartObject();
            json.WriteString("type", "Strip");
            json.WriteString("content", " ");
            json.WriteNumber("start", 1);
            json.WriteNumber("stop", 0);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteReplace(Utf8JsonWriter json, string pattern, string content)
    {
        json.WriteStartObject();
        json.WriteString("type", "Replace");
        json.WriteStartObject("pattern");
        json.WriteString("String", pattern);
        json.WriteEndObject();
        json.WriteString("content", content);
        json.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter json, GgufVocabulary vocabulary, double[] scores)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        var unknown = vocabulary.Named(GgufVocabulary.UnknownKey)?.Token
            ?? vocabulary.Tokens.Where((_, id) => vocabulary.Kinds[id] == GgufTokenKind.Unknown).FirstOrDefault();
        json.WriteString("unk_token", unknown);
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", true);
        json.WriteBoolean("byte_fallback", true);
        json.WriteStartObject("vocab");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var id = 0; id < vocabulary.Tokens.Length; id++)
        {
            if (ids.TryAdd(vocabulary.Tokens[id], id))
            {
                json.WriteNumber(vocabulary.Tokens[id], id);
            }
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (first, second) in Merges(ids, scores))
        {
            json.WriteStartArray();
            json.WriteStringValue(first);
            json.WriteStringValue(second);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static IEnumerable<(string First, string Second)> Merges(Dictionary<string, int> ids, double[] scores)
    {
        var merges = new List<(int First, int Second, double Score, string Left, string Right)>();
        foreach (var (token, id) in ids.Where(pair => pair.Key.Length <= LongestToken))
        {
            for (var end = 1; end < token.Length; end++)
            {
                if (ids.TryGetValue(token[..end], out var first) && ids.TryGetValue(token[end..], out var second))
                {
                    merges.Add((first, second, scores[id], token[..end], token[end..]));
                }
            }
        }

        return merges
            .OrderByDescending(merge => merge.Score)
            .ThenByDescending(merge => merge.Left.Length)
            .ThenByDescending(merge => merge.Right.Length)
            .ThenBy(merge => merge.First).ThenBy(merge => merge.Second)
            .Select(merge => (merge.Left, merge.Right));
    }
}
