using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Architectures;

// Phi-3: q, k and v in one matrix, gate and up in another; long contexts have two lists of rotary divisors.
internal sealed class Phi3Architecture : GgufArchitecture
{
    private const string LongFactors = "rope_factors_long.weight";
    private const string ShortFactors = "rope_factors_short.weight";

    public override string Name => "phi3";

    protected override string ModelClass => "Phi3ForCausalLM";

    protected override IReadOnlyDictionary<string, string> LayerNames { get; } = GgufNames.With(
        GgufNames.Layer, ("attn_qkv", "self_attn.qkv_proj"), ("ffn_up", "mlp.gate_up_proj"));

    protected override IReadOnlyList<string> ConfigTensors { get; } = [LongFactors, ShortFactors];

    protected override long? HeadSize(GgufConfig config) => config.OptionalInteger("attention.key_length");

    protected override void WriteRotary(GgufConfig config)
    {
        config["rope_theta"] = config.Number("rope.freq_base") ?? 10000;
        var context = config.OptionalInteger("rope.scaling.original_context_length");
        config["original_max_position_embeddings"] = context ?? config.Integer("context_length");
        if (config.HasTensor(LongFactors) && config.HasTensor(ShortFactors))
        {
            config["rope_scaling"] = new JsonObject
            {
                ["rope_type"] = "longrope",
                ["long_factor"] = Factors(config, LongFactors),
                ["short_factor"] = Factors(config, ShortFactors),
            };
        }
    }

    protected override void WriteOwn(GgufConfig config)
    {
        var heads = config.Integer("attention.head_count");
        var size = HeadSize(config) ?? (heads > 0 ? config.Integer("embedding_length") / heads : 0);
        if (config.OptionalInteger("rope.dimension_count") is { } rotary && size > 0)
        {
            config["partial_rotary_factor"] = (double)rotary / size;
        }

        config["sliding_window"] = config.OptionalInteger("attention.sliding_window");
    }

    private static JsonArray Factors(GgufConfig config, string name) =>
        [.. config.File.Tensors[name].ReadWhole()
            .Select(value => (JsonNode)JsonValue.Create(GgufConfig.Shortest(value)))];
}
