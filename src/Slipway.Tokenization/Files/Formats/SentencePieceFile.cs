using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Tokenization.Files.Formats;

/// <summary>Rewrites a SentencePiece <c>tokenizer.model</c> as a <c>tokenizer.json</c>.</summary>
/// <remarks>Source: the message ModelProto of SentencePiece: pieces (1), trainer (2) and normalizer (3).</remarks>
internal static class SentencePieceFile
{
    private const int Unigram = 1, Bpe = 2;
    private const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4;

    // Classes of transformers that begin or end a text with a token where their settings do not say.
    private static readonly string?[] BeginningClasses = ["LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer"];
    private static readonly string?[] EndingClasses = ["T5Tokenizer", "MT5Tokenizer"];

    public static byte[] ToJson(ReadOnlySpan<byte> model, string source, TokenizerSettings settings)
    {
        List<(string Text, float Score, int Type)> pieces = [];
        var kind = Unigram;
        byte[] rules = [];
        bool prefix = true, collapse = true, bytes = false, escape = true;
        ProtobufReader reader = new(model, source);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1 when pieces.Count <= VocabularyReader.MaximumId:
                    pieces.Add(ReadPiece(reader.Bytes, source));
                    break;
                case 2:
                    ProtobufReader trainer = new(reader.Bytes, source);
                    while (trainer.Next())
                    {
                        kind = trainer.Field == 3 ? (int)trainer.Number : kind;
                        bytes |= trainer.Field == 35 && trainer.Number != 0;
                    }

                    break;
                case 3:
                    ProtobufReader normalizer = new(reader.Bytes, source);
                    while (normalizer.Next())
                    {
                        rules = normalizer.Field == 2 ? normalizer.Bytes.ToArray() : rules;
                        prefix = normalizer.Field == 3 ? normalizer.Number != 0 : prefix;
                        collapse = normalizer.Field == 4 ? normalizer.Number != 0 : collapse;
                        escape = normalizer.Field == 5 ? normalizer.Number != 0 : escape;
                    }

                    break;
            }
        }

        if (kind is not (Unigram or Bpe) || !escape || pieces.Count == 0)
        {
            throw new TokenizerFormatException(
                $"Tokenizer '{source}': the SentencePiece model has the type {kind} and {pieces.Count} pieces" +
                $"{(escape ? string.Empty : ", and does not escape spaces")}; expected the type 1 (unigram) or 2 "
                + "(BPE).",
                source);
        }

        return Write(pieces, kind, rules, prefix, collapse, bytes, Surround(pieces, settings));
    }

    // The model names no tokens that surround a text; the settings beside it do, or its class.
    private static JsonObject? Surround(List<(string Text, float Score, int Type)> pieces, TokenizerSettings settings)
    {
        (string Token, int Id)? Find(string key, string missing)
        {
            var token = settings.Token(key) ?? missing;
            return pieces.FindIndex(piece => piece.Text == token) is >= 0 and var id ? (token, id) : null;
        }

        var begins = settings.Flag("add_bos_token") ?? BeginningClasses.Contains(settings.Class);
        var ends = settings.Flag("add_eos_token") ?? EndingClasses.Contains(settings.Class);
        return TokenizerJson.Surround(
            begins ? Find("bos_token", "<s>") : null, ends ? Find("eos_token", "</s>") : null);
    }

    private static (string Text, float Score, int Type) ReadPiece(ReadOnlySpan<byte> message, string source)
    {
        var (text, score, type) = (string.Empty, 0f, Normal);
        ProtobufReader reader = new(message, source);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    text = Encoding.UTF8.GetString(reader.Bytes);
                    break;
                case 2 when reader.Bytes.Length == sizeof(float):
                    score = BinaryPrimitives.ReadSingleLittleEndian(reader.Bytes);
                    break;
                case 3:
                    type = (int)reader.Number;
                    break;
            }
        }

        return float.IsFinite(score) ? (text, score, type) : throw new TokenizerFormatException(
            $"Tokenizer '{source}': the piece '{Quoted.Short(text)}' has the score '{score}'; expected a number.",
            source);
    }

    private static byte[] Write(
        List<(string Text, float Score, int Type)> pieces, int kind, byte[] rules, bool prefix, bool collapse,
        bool bytes, JsonObject? surround)
    {
        var unknown = pieces.FindIndex(piece => piece.Type == Unknown);
        ArrayBufferWriter<byte> buffer = new();
        using Utf8JsonWriter json = new(buffer);
        json.WriteStartObject();
        json.WriteStartArray("added_tokens");
        for (var id = 0; id < pieces.Count; id++)
        {
            if (pieces[id].Type is Unknown or Control or UserDefined)
            {
                json.WriteStartObject();
                json.WriteNumber("id", id);
                json.WriteString("content", pieces[id].Text);
                json.WriteBoolean("special", pieces[id].Type != UserDefined);
                json.WriteBoolean("normalized", false);
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
        json.WriteStartObject("normalizer");
        json.WriteString("type", "SentencePiece");
        json.WriteBase64String("precompiled_charsmap", rules);
        json.WriteBoolean("add_dummy_prefix", prefix);
        json.WriteBoolean("remove_extra_whitespaces", collapse);
        json.WriteEndObject();
        json.WritePropertyName("post_processor");
        if (surround is null)
        {
            json.WriteNullValue();
        }
        else
        {
            surround.WriteTo(json);
        }

        json.WriteStartObject("decoder");
        json.WriteString("type", "SentencePiece");
        json.WriteString("unk_token", unknown < 0 ? string.Empty : pieces[unknown].Text);
        json.WriteBoolean("add_dummy_prefix", prefix);
        json.WriteBoolean("remove_extra_whitespaces", collapse);
        json.WriteEndObject();
        json.WriteStartObject("model");
        json.WriteString("type", kind == Bpe ? "SentencePieceBPE" : "Unigram");
        if (unknown >= 0)
        {
            json.WriteNumber("unk_id", unknown);
        }

        json.WriteBoolean("byte_fallback", bytes);
        json.WriteStartArray("vocab");
        foreach (var (text, score, _) in pieces)
        {
            json.WriteStartArray();
            json.WriteStringValue(text);
            json.WriteNumberValue(score);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
