using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf;

// Makes tokenizer.json and tokenizer_config.json from the tokens that a file holds: byte-level BPE, which the format
// calls 'gpt2'.
internal static class GgufTokenizer
{
    private const long ControlToken = 3;
    private const long UserToken = 4;

    // What splits text before merges, by the name in tokenizer.ggml.pre; null is the pattern of GPT-2, which the
    // byte-level step brings along.
    private static readonly Dictionary<string, (string? Pattern, bool SingleDigits, bool Nfc)> Splitters = new()
    {
        ["gpt-2"] = (null, false, false),
        ["smollm"] = (null, true, false),
        ["llama-bpe"] = (
            @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            false, false),
        ["qwen2"] = (
            @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            false, true),
    };

    public static byte[]? Build(GgufMetadata metadata)
    {
        if (metadata.Text("tokenizer.ggml.model") is not { } model)
        {
            return null;
        }

        var splitterName = metadata.Text("tokenizer.ggml.pre") ?? "gpt-2";
        if (model != "gpt2" || !Splitters.TryGetValue(splitterName, out var splitter))
        {
            throw new CheckpointException(
                $"The GGUF file '{metadata.Path}' has a tokenizer of the kind '{model}' ('{splitterName}'), which cannot "
                + "be converted. Put the model's 'tokenizer.json' beside it.", metadata.Path);
        }

        var tokens = metadata.List<string>("tokenizer.ggml.tokens")
            ?? throw metadata.Bad("tokenizer.ggml.tokens", "the tokens");
        var merges = metadata.List<string>("tokenizer.ggml.merges")
            ?? throw metadata.Bad("tokenizer.ggml.merges", "the merges");
        var kinds = metadata.Has("tokenizer.ggml.token_type")
            ? metadata.List<long>("tokenizer.ggml.token_type")!
            : [.. tokens.Select(_ => 1L)];
        if (kinds.Count != tokens.Count)
        {
            throw metadata.Bad("tokenizer.ggml.token_type", $"{tokens.Count} values, one a token");
        }

        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions
        {
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }))
        {
            Write(json, tokens, kinds, merges, splitter);
        }

        return stream.ToArray();
    }

    public static byte[]? BuildConfig(GgufMetadata metadata)
    {
        if (metadata.List<string>("tokenizer.ggml.tokens") is not { } tokens)
        {
            return null;
        }

        var config = new JsonObject
        {
            ["add_bos_token"] = metadata.Flag("tokenizer.ggml.add_bos_token") ?? false,
            ["clean_up_tokenization_spaces"] = false,
        };
        SetToken("bos_token", "bos_token_id");
        SetToken("eos_token", "eos_token_id");
        SetToken("unk_token", "unknown_token_id");
        SetToken("pad_token", "padding_token_id");
        return System.Text.Encoding.UTF8.GetBytes(config.ToJsonString());

        void SetToken(string name, string key)
        {
            if (metadata.Whole($"tokenizer.ggml.{key}") is { } id)
            {
                config[name] = id < tokens.Count
                    ? tokens[(int)id]
                    : throw metadata.Bad($"tokenizer.ggml.{key}", $"an id below {tokens.Count}");
            }
        }
    }

    private static void Write(
        Utf8JsonWriter json, IReadOnlyList<string> tokens, IReadOnlyList<long> kinds, IReadOnlyList<string> merges,
        (string? Pattern, bool SingleDigits, bool Nfc) splitter)
    {
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteStartArray("added_tokens");
        for (var id = 0; id < tokens.Count; id++)
        {
            if (kinds[id] is ControlToken or UserToken)
            {
                WriteAdded(json, id, tokens[id], kinds[id] == ControlToken);
            }
        }

        json.WriteEndArray();
        json.WritePropertyName("normalizer");
        json.WriteRawValue(splitter.Nfc ? """{"type":"NFC"}""" : "null");
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        if (splitter.SingleDigits)
        {
            json.WriteRawValue("""{"type":"Digits","individual_digits":true}""");
        }

        if (splitter.Pattern is { } pattern)
        {
            json.WriteStartObject();
            json.WriteString("type", "Split");
            json.WriteStartObject("pattern");
            json.WriteString("Regex", pattern);
            json.WriteEndObject();
            json.WriteString("behavior", "Isolated");
            json.WriteBoolean("invert", false);
            json.WriteEndObject();
        }

        WriteByteLevel(json, null, addPrefixSpace: false, useRegex: splitter.Pattern is null);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteNull("post_processor");
        WriteByteLevel(json, "decoder", addPrefixSpace: true, useRegex: true);
        WriteModel(json, tokens, merges);
        json.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter json, IReadOnlyList<string> tokens, IReadOnlyList<string> merges)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteStartObject("vocab");
        for (var id = 0; id < tokens.Count; id++)
        {
            json.WriteNumber(tokens[id], id);
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

    private static void WriteAdded(Utf8JsonWriter json, int id, string content, bool special)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("content", content);
        json.WriteBoolean("single_word", false);
        json.WriteBoolean("lstrip", false);
        json.WriteBoolean("rstrip", false);
        json.WriteBoolean("normalized", false);
        json.WriteBoolean("special", special);
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json, string? property, bool addPrefixSpace, bool useRegex)
    {
        if (property is not null)
        {
            json.WritePropertyName(property);
        }

        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", addPrefixSpace);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", useRegex);
        json.WriteEndObject();
    }
}
