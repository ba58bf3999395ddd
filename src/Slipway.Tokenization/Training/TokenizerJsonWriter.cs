using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Training;

/// <summary>Writes what the trainer learned in the form of Hugging Face's tokenizers.</summary>
internal sealed class TokenizerJsonWriter(BpeTrainerOptions options)
{
    private static readonly TimeSpan PatternTimeout = TimeSpan.FromSeconds(5);

    /// <summary>The tokens that are never split, then the 256 bytes in the order of their values.</summary>
    public List<string> BaseVocabulary() =>
        [.. options.WholeTokens, .. Enumerable.Range(0, 256)
        .Select(value => ByteAlphabet.CharOf((byte)value).ToString())];

    /// <summary>The pre-tokenizer that the written file describes.</summary>
    public TextSplitter CreateSplitter()
    {
        List<TextSplitter> splitters = [];
        if (options.IndividualDigits)
        {
            splitters.Add(new DigitSplitter(individual: true));
        }

        if (options.Pattern is { } pattern)
        {
            Regex regex = new(pattern, RegexOptions.CultureInvariant, PatternTimeout);
            splitters.Add(new PatternSplitter(Pattern.BuiltIn(regex), "Isolated", invert: false));
        }

        splitters.Add(new ByteLevelSplitter(addPrefixSpace: false, useRegex: options.Pattern is null));
        return new SplitterSequence([.. splitters]);
    }

    public byte[] Write(List<string> vocabulary, List<(string Left, string Right)> merges)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(
            buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteNull("truncation");
            json.WriteNull("padding");
            WriteAddedTokens(json);
            json.WriteNull("normalizer");
            WritePreTokenizer(json);
            WriteByteLevel(json, "post_processor", useRegex: true);
            WriteByteLevel(json, "decoder", useRegex: true);
            WriteModel(json, vocabulary, merges);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private void WriteAddedTokens(Utf8JsonWriter json)
    {
        json.WriteStartArray("added_tokens");
        var tokens = options.WholeTokens;
        for (var id = 0; id < tokens.Count; id++)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", tokens[id]);
            json.WriteBoolean("single_word", false);
            json.WriteBoolean("lstrip", false);
            json.WriteBoolean("rstrip", false);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", id < options.SpecialTokens.Count);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WritePreTokenizer(Utf8JsonWriter json)
    {
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        if (options.IndividualDigits)
        {
            json.WriteStartObject();
            json.WriteString("type", "Digits");
            json.WriteBoolean("individual_digits", true);
            json.WriteEndObject();
        }

        if (options.Pattern is { } pattern)
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

        WriteByteLevel(json, null, useRegex: options.Pattern is null);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json, string? name, bool useRegex)
    {
        if (name is not null)
        {
            json.WritePropertyName(name);
        }

        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", useRegex);
        json.WriteEndObject();
    }

    private static void WriteModel(
        Utf8JsonWriter json, List<string> vocabulary, List<(string Left, string Right)> merges)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", false);
        json.WriteStartObject("vocab");
        for (var id = 0; id < vocabulary.Count; id++)
        {
            json.WriteNumber(vocabulary[id], id);
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(left);
            json.WriteStringValue(right);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
