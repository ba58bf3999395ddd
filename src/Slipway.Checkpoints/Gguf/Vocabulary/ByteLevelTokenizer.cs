using System.Text.Json;

namespace Slipway.Checkpoints.Gguf.Vocabulary;

// Byte-level BPE ('gpt2'): tokens and merges are in the file, how text is split stands behind a name.
internal static class ByteLevelTokenizer
{
    private const string SplitKey = "tokenizer.ggml.pre";
    private const string MergesKey = "tokenizer.ggml.merges";

    public static byte[] Make(GgufMetadata metadata)
    {
        var vocabulary = new GgufVocabulary(metadata);
        var merges = metadata.Texts(MergesKey) ?? throw GgufTokenizer.Lacks(metadata, MergesKey);
        var split = TextSplits.ByName.GetValueOrDefault(metadata.Text(SplitKey) ?? "", TextSplits.Default);
        return GgufTokenizer.Write(json =>
        {
            GgufTokenizer.WriteAdded(json, vocabulary);
            split.WriteNormalizer(json);
            split.WritePreTokenizer(json);
            GgufTokenizer.WriteTemplate(json, metadata, vocabulary, split.AddsBos);
            WriteByteLevel(json, "decoder", useRegex: true);
            WriteModel(json, vocabulary, merges, split.IgnoresMerges);
        });
    }

    // Files from before April 2024 do not name the way, and converters that did not know it wrote 'default'.
    public static string? Warn(GgufMetadata metadata)
    {
        var name = metadata.Text(SplitKey);
        return name is not null && TextSplits.ByName.ContainsKey(name) ? null
            : (name is null or "default"
                ? $"The GGUF file '{metadata.Path}' does not say how its tokenizer splits text ('{SplitKey}' is " +
                    $"{(name is null ? "missing" : $"'{name}'")})"
                : $"The way '{name[..Math.Min(name.Length, 60)]}' in which the GGUF file '{metadata.Path}' splits " +
                    $"text ('{SplitKey}') is not known") +
                ", so the default of llama.cpp is used and some texts may be split otherwise than in training. Put " +
                "the model's 'tokenizer.json' beside the file to split them right.";
    }

    public static void WriteByteLevel(Utf8JsonWriter json, string? property, bool useRegex)
    {
        if (property is null)
        {
            json.WriteStartObject();
        }
        else
        {
            json.WriteStartObject(property);
        }

        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", useRegex);
        json.WriteEndObject();
    }

    private static void WriteModel(
        Utf8JsonWriter json, GgufVocabulary vocabulary, string[] merges, bool ignoresMerges)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", ignoresMerges);
        json.WriteStartObject("vocab");
        var written = new HashSet<string>(StringComparer.Ordinal);
        for (var id = 0; id < vocabulary.Tokens.Length; id++)
        {
            // Unused ids fill the embedding's rows up; they stand for no text.
            if (vocabulary.Kinds[id] != GgufTokenKind.Unused && written.Add(vocabulary.Tokens[id]))
            {
                json.WriteNumber(vocabulary.Tokens[id], id);
            }
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var merge in merges)
        {
            json.WriteStringValue(merge);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
