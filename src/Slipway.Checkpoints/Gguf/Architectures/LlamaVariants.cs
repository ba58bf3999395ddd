using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Architectures;

// Granite: a llama whose embeddings, residuals, attention and logits are scaled.
internal sealed class GraniteArchitecture : LlamaArchitecture
{
    public override string Name => "granite";

    protected override string ModelClass => "GraniteForCausalLM";

    protected override void WriteOwn(GgufConfig config)
    {
        base.WriteOwn(config);
        config["attention_multiplier"] = config.Number("attention.scale") ?? 1;
        config["embedding_multiplier"] = config.Number("embedding_scale") ?? 1;
        config["residual_multiplier"] = config.Number("residual_scale") ?? 1;
        config["logits_scaling"] = config.Number("logit_scale") ?? 1;
    }
}

// SmolLM3: a llama that leaves rotary positions out of every fourth layer.
internal sealed class SmolLm3Architecture : LlamaArchitecture
{
    private const int Interval = 4;

    public override string Name => "smollm3";

    protected override string ModelClass => "SmolLM3ForCausalLM";

    protected override void WriteOwn(GgufConfig config)
    {
        base.WriteOwn(config);
        config["no_rope_layer_interval"] = Interval;
        config["no_rope_layers"] = new JsonArray([.. Enumerable.Range(1, config.Layers()).Select(
            layer => (JsonNode)JsonValue.Create(layer % Interval == 0 ? 0 : 1))]);
        config["use_sliding_window"] = false;
    }
}
