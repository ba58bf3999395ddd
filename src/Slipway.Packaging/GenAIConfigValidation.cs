using System.Globalization;

namespace Slipway.Packaging;

/// <summary>Checks the values of <c>genai_config.json</c> that later code computes with.</summary>
internal static class GenAIConfigValidation
{
    private const int Max = 1 << 28;

    public static void Validate(string path, GenAIConfig config)
    {
        if (config.Model?.Decoder is null || config.Search is null)
        {
            throw Invalid(path, "model.decoder or search", "null", "an object");
        }

        var model = config.Model;
        var decoder = model.Decoder;
        RequireText(path, "model.type", model.Type);
        RequireText(path, "model.decoder.filename", decoder.Filename);
        RequirePositive(path, "model.vocab_size", model.VocabSize);
        RequirePositive(path, "model.context_length", model.ContextLength);
        RequirePositive(path, "model.decoder.head_size", decoder.HeadSize);
        RequirePositive(path, "model.decoder.hidden_size", decoder.HiddenSize);
        RequirePositive(path, "model.decoder.num_attention_heads", decoder.NumAttentionHeads);
        RequirePositive(path, "model.decoder.num_key_value_heads", decoder.NumKeyValueHeads);
        RequirePositive(path, "model.decoder.num_hidden_layers", decoder.NumHiddenLayers);
        if (decoder.SlidingWindow is { } window)
        {
            RequirePositive(path, "model.decoder.sliding_window.window_size", window.WindowSize);
            RequirePositive(path, "model.decoder.sliding_window.cache_slack", Math.Max(window.CacheSlack, 1));
        }

        foreach (var id in model.EosTokenId
            ?? throw Invalid(path, "model.eos_token_id", "null", "a token id or a list"))
        {
            RequireToken(path, "model.eos_token_id", id, model.VocabSize);
        }

        RequireToken(path, "model.bos_token_id", model.BosTokenId, model.VocabSize);
        RequireToken(path, "model.pad_token_id", model.PadTokenId, model.VocabSize);
        RequireNames(path, "model.decoder.inputs", "input_ids", decoder.Inputs);
        RequireNames(path, "model.decoder.outputs", "logits", decoder.Outputs);
    }

    private static void RequirePositive(string path, string key, int value)
    {
        if (value is <= 0 or > Max)
        {
            throw Invalid(path, key, value.ToString(CultureInfo.InvariantCulture), $"a number from 1 to {Max}");
        }
    }

    private static void RequireText(string path, string key, string? value)
    {
        if (string.IsNullOrWhiteSpace(value))
        {
            throw Invalid(path, key, value ?? "null", "a text");
        }
    }

    private static void RequireToken(string path, string key, int? id, int vocabulary)
    {
        // Some families name a token beyond the head's rows; it can never be predicted, so only negatives are wrong.
        if (id < 0)
        {
            throw Invalid(
                path, key, id.Value.ToString(CultureInfo.InvariantCulture), $"a token id from 0 to {vocabulary - 1}");
        }
    }

    private static void RequireNames(
        string path, string key, string required, IReadOnlyDictionary<string, string>? names)
    {
        if (names is null || !names.ContainsKey(required))
        {
            throw Invalid(path, $"{key}.{required}", "nothing", "the tensor's name in the graph");
        }

        foreach (var (role, name) in names)
        {
            if (string.IsNullOrEmpty(name))
            {
                throw Invalid(path, $"{key}.{role}", name ?? "null", "the tensor's name in the graph");
            }
        }
    }

    private static PackageException Invalid(string path, string key, string value, string expected)
        => new(path, $"'{key}' in '{path}' is '{value}'; expected {expected}. Mend the file or export again.");
}
