using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Packaging;

/// <summary>Describes a folder that Hugging Face Optimum wrote as if it were a package.</summary>
/// <remarks>
/// Such a folder has the graph, <c>config.json</c> and <c>generation_config.json</c>; the graph's inputs are
/// <c>past_key_values.N.key</c> and <c>.value</c>, its outputs <c>present.N.key</c> and <c>.value</c>.
/// Source: Optimum's ONNX export.
/// </remarks>
internal static class OptimumFolder
{
    private const string ConfigFile = "config.json";

    private static readonly string[] Graphs = ["model.onnx", "onnx/model.onnx"];

    /// <summary>Describes the folder; null where it has no graph or no configuration.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="read">Reads a JSON object of a path; null where there is no file.</param>
    /// <exception cref="PackageException">The configuration lacks a number or has a wrong one.</exception>
    public static GenAIConfig? Describe(string folder, Func<string, JsonObject?> read)
    {
        var path = Path.Combine(folder, ConfigFile);
        if (Array.Find(Graphs, name => File.Exists(Path.Combine(folder, name))) is not { } graph
            || read(path) is not { } config)
        {
            return null;
        }

        var generation = read(Path.Combine(folder, "generation_config.json")) ?? [];
        var heads = Required("num_attention_heads", "n_head");
        var hidden = Required("hidden_size", "n_embd");
        var context = Required("max_position_embeddings", "n_positions");
        return new GenAIConfig
        {
            Model = new GenAIModel
            {
                Type = Text(config["model_type"]) ?? "decoder",
                VocabSize = Required("vocab_size"),
                ContextLength = context,
                BosTokenId = Ids("bos_token_id") is [var first, ..] ? first : null,
                EosTokenId = Ids("eos_token_id"),
                PadTokenId = Ids("pad_token_id") is [var pad, ..] ? pad : null,
                Decoder = new GenAIDecoder
                {
                    Filename = graph,
                    HeadSize = Number(config, "head_dim") ?? (heads > 0 ? hidden / heads : 0),
                    HiddenSize = hidden,
                    NumAttentionHeads = heads,
                    NumKeyValueHeads = Number(config, "num_key_value_heads") ?? heads,
                    NumHiddenLayers = Required("num_hidden_layers", "n_layer"),
                    Inputs = new Dictionary<string, string>(StringComparer.Ordinal) { ["input_ids"] = "input_ids" },
                    Outputs = new Dictionary<string, string>(StringComparer.Ordinal) { ["logits"] = "logits" },
                },
            },
            Search = new GenAISearch
            {
                DoSample = generation["do_sample"] is JsonValue sample && sample.TryGetValue(out bool sampled)
                    && sampled,
                Temperature = Real("temperature") ?? 1,
                TopK = Number(generation, "top_k") ?? 50,
                TopP = Real("top_p") ?? 1,
                RepetitionPenalty = Real("repetition_penalty") ?? 1,
                MaxLength = context,
                PastPresentShareBuffer = false,
            },
        };

        int Required(params string[] keys)
            => keys.Select(key => Number(config, key)).FirstOrDefault(number => number is not null)
                ?? throw new PackageException(path, $"'{path}' lacks the number '{keys[0]}'. Fetch the file again.");

        int[] Ids(string key) => (generation[key] ?? config[key]) switch
        {
            JsonArray several => [.. several.Select(item => Whole(item) ?? throw Bad(key, item))],
            { } one => [Whole(one) ?? throw Bad(key, one)],
            null => [],
        };

        double? Real(string key) => generation[key] is JsonValue value && value.TryGetValue(out double number)
            ? number
            : null;

        PackageException Bad(string key, JsonNode? value) => new(
            path, $"'{key}' beside '{path}' is '{value?.ToJsonString()}'; expected a token id or a list of them.");
    }

    private static int? Number(JsonObject config, string key) => Whole(config[key]);

    private static int? Whole(JsonNode? node) => node is JsonValue value && value.TryGetValue(out int number)
        ? number
        : null;

    private static string? Text(JsonNode? node) => node is JsonValue value
        && value.GetValueKind() == JsonValueKind.String
        ? value.GetValue<string>()
        : null;
}
