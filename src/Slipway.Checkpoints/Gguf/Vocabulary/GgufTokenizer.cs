using System.Text.Encodings.Web;
using System.Text.Json;

namespace Slipway.Checkpoints.Gguf.Vocabulary;

// Makes a tokenizer.json of the vocabulary in a GGUF file.
internal static class GgufTokenizer
{
    public const string ModelKey = "tokenizer.ggml.model";

    public static byte[]? Make(GgufMetadata metadata) => metadata.Text(ModelKey) switch
    {
        null or "no_vocab" or "none" => null,
        "gpt2" => ByteLevelTokenizer.Make(metadata),
        "llama" => SentencePieceTokenizer.Make(metadata),
        var model => throw new CheckpointException(
            $"The tokenizer '{model}' of the GGUF file '{metadata.Path}' is not supported; expected 'gpt2' or " +
            "'llama'. Put the model's 'tokenizer.json' beside it.", metadata.Path),
    };

    // The sentence about what Make presumes; null where the file says it all.
    public static string? Warn(GgufMetadata metadata) =>
        metadata.Text(ModelKey) == "gpt2" ? ByteLevelTokenizer.Warn(metadata) : null;

    public static CheckpointException Lacks(GgufMetadata metadata, string key) => new(
        $"The GGUF file '{metadata.Path}' lacks the metadata '{key}', without which its tokenizer cannot be made. " +
        "Put the model's 'tokenizer.json' beside it.", metadata.Path);

    public static byte[] Write(Action<Utf8JsonWriter> write)
    {
        var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(
            stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteNull("truncation");
            json.WriteNull("padding");
            write(json);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    // The tokens that are found in text before it is split.
    public static void WriteAdded(Utf8JsonWriter json, GgufVocabulary vocabulary)
    {
        json.WriteStartArray("added_tokens");
        for (var id = 0; id < vocabulary.Tokens.Length; id++)
        {
            var kind = vocabulary.Kinds[id];
            if (IsAdded(kind) && vocabulary.Tokens[id].Length > 0)
            {
                json.WriteStartObject();
                json.WriteNumber("id", id);
                json.WriteString("content", vocabulary.Tokens[id]);
                json.WriteBoolean("single_word", false);
                json.WriteBoolean("lstrip", false);
                json.WriteBoolean("rstrip", false);
                json.WriteBoolean("normalized", false);
                json.WriteBoolean("special", kind != GgufTokenKind.UserDefined);
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
    }

    public static bool IsAdded(GgufTokenKind kind) =>
        kind is GgufTokenKind.Unknown or GgufTokenKind.Control or GgufTokenKind.UserDefined;

    // Puts the tokens that begin and end a sequence around it.
    public static void WriteTemplate(
        Utf8JsonWriter json, GgufMetadata metadata, GgufVocabulary vocabulary, bool addsBos)
    {
        var begin = metadata.Flag("tokenizer.ggml.add_bos_token") ?? addsBos
            ? vocabulary.Named(GgufVocabulary.BosKey) : null;
        var end = metadata.Flag("tokenizer.ggml.add_eos_token") ?? false
            ? vocabulary.Named(GgufVocabulary.EosKey) : null;
        if (begin is null && end is null)
        {
            json.WriteNull("post_processor");
            return;
        }

        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        WriteSequences(json, "single", ["A"], begin?.Token, end?.Token);
        WriteSequences(json, "pair", ["A", "B"], begin?.Token, end?.Token);
        json.WriteStartObject("special_tokens");
        foreach (var (id, token) in new[] { begin, end }.OfType<(int, string)>().Distinct())
        {
            json.WriteStartObject(token);
            json.WriteString("id", token);
            json.WriteStartArray("ids");
            json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteStartArray("tokens");
            json.WriteStringValue(token);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteSequences(
        Utf8JsonWriter json, string name, string[] sequences, string? begin, string? end)
    {
        json.WriteStartArray(name);
        for (var i = 0; i < sequences.Length; i++)
        {
            WritePiece(json, "SpecialToken", begin, i);
            WritePiece(json, "Sequence", sequences[i], i);
            WritePiece(json, "SpecialToken", end, i);
        }

        json.WriteEndArray();
    }

    private static void WritePiece(Utf8JsonWriter json, string kind, string? id, int type)
    {
        if (id is not null)
        {
            json.WriteStartObject();
            json.WriteStartObject(kind);
            json.WriteString("id", id);
            json.WriteNumber("type_id", type);
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }
}
