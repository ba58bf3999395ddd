using System.Text.Json;

namespace Slipway.Checkpoints.Gguf.Vocabulary;

// Describes the words that a byte-level tokenizer splits text into before it merges.
internal sealed record TextSplit
{
    // One pattern whose matches are the words; null for GPT-2's, which byte-level splitting has built in.
    public string? Pattern { get; init; }

    // Splitters in front of the pattern.
    public IReadOnlyList<Action<Utf8JsonWriter>> Before { get; init; } = [];

    // Splitters behind the pattern.
    public IReadOnlyList<Action<Utf8JsonWriter>> After { get; init; } = [];

    // True where text is composed to Unicode's form NFC.
    public bool Composes { get; init; }

    // True where a word that is a token is one without regard to merges.
    public bool IgnoresMerges { get; init; }

    // True where a sequence begins with a token of its own, unless the file says otherwise.
    public bool AddsBos { get; init; }

    public void WriteNormalizer(Utf8JsonWriter json)
    {
        if (!Composes)
        {
            json.WriteNull("normalizer");
            return;
        }

        json.WriteStartObject("normalizer");
        json.WriteString("type", "NFC");
        json.WriteEndObject();
    }

    public void WritePreTokenizer(Utf8JsonWriter json)
    {
        if (Pattern is null && Before.Count + After.Count == 0)
        {
            ByteLevelTokenizer.WriteByteLevel(json, "pre_tokenizer", useRegex: true);
            return;
        }

        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        foreach (var write in Before)
        {
            write(json);
        }

        if (Pattern is not null)
        {
            WriteSplit(json, Pattern);
        }

        ByteLevelTokenizer.WriteByteLevel(json, null, useRegex: Pattern is null);
        foreach (var write in After)
        {
            write(json);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void WriteSplit(Utf8JsonWriter json, string pattern)
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

    public static void WriteDigits(Utf8JsonWriter json, bool individually)
    {
        json.WriteStartObject();
        json.WriteString("type", "Digits");
        json.WriteBoolean("individual_digits", individually);
        json.WriteEndObject();
    }
}
