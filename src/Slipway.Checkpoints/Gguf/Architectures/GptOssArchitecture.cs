using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Architectures;

// gpt-oss: the experts' gate and up rows alternate in one tensor, inputs by outputs. An expert is put together when it
// is read.
internal sealed class GptOssArchitecture : GgufArchitecture
{
    public override string Name => "gpt-oss";

    protected override string ModelClass => "GptOssForCausalLM";

    protected override string ModelType => "gpt_oss";

    protected override IReadOnlyDictionary<string, string> LayerNames { get; } = GgufNames.With(
        GgufNames.Layer, ("post_attention_norm", "post_attention_layernorm"), ("ffn_gate_inp", "mlp.router"));

    protected override IEnumerable<GgufSource> MapTensor(GgufFile file, GgufTensor tensor, GgufTensorName name)
    {
        if (name.Layer is not { } layer)
        {
            return base.MapTensor(file, tensor, name);
        }

        var experts = Layer(LayerRoot, layer, "mlp.experts");
        return (name.Stem, name.Suffix) switch
        {
            ("attn_sinks", _) => [new GgufRows(Info(tensor, Layer(LayerRoot, layer, "self_attn.sinks")), tensor)],
            ("ffn_gate_exps", ".weight") => [GateAndUp(tensor, Partner(file, tensor), $"{experts}.gate_up_proj")],
            ("ffn_gate_exps", ".bias") =>
                [GateAndUpBias(tensor, Partner(file, tensor), $"{experts}.gate_up_proj_bias")],
            ("ffn_up_exps", _) => [],
            ("ffn_down_exps", ".weight") => [Down(tensor, $"{experts}.down_proj")],
            ("ffn_down_exps", ".bias") => [new GgufRows(Info(tensor, $"{experts}.down_proj_bias"), tensor)],
            _ => base.MapTensor(file, tensor, name),
        };
    }

    protected override void WriteOwn(GgufConfig config)
    {
        config["num_local_experts"] = config.Integer("expert_count");
        config["num_experts_per_tok"] = config.Integer("expert_used_count");
        config["intermediate_size"] = config.Integer("expert_feed_forward_length");
        config["sliding_window"] = config.OptionalInteger("attention.sliding_window");
        config["swiglu_alpha"] = 1.702;
        config["swiglu_limit"] = 7.0;
        config["layer_types"] = new JsonArray([.. Enumerable.Range(0, config.Layers()).Select(
            layer => (JsonNode)JsonValue.Create(layer % 2 == 0 ? "sliding_attention" : "full_attention"))]);
        if (config.Json["rope_scaling"] is JsonObject scaling)
        {
            scaling["truncate"] = false;
        }
    }

    // The tensor of the up projection for that of the gate.
    private static GgufTensor Partner(GgufFile file, GgufTensor gate)
    {
        var name = gate.Name.Replace("ffn_gate_exps", "ffn_up_exps", StringComparison.Ordinal);
        return file.Tensors.TryGetValue(name, out var up) && up.Sizes.SequenceEqual(gate.Sizes) ? up : throw
            new CheckpointException(
                $"The GGUF file '{file.Path}' lacks the tensor '{name}' of shape " +
                $"{TensorInfo.FormatShape(gate.Shape)} that goes with '{gate.Name}'. Convert the model again.",
                file.Path, name);
    }

    private static GgufComputed GateAndUp(GgufTensor gate, GgufTensor up, string name)
    {
        var (experts, rows, inputs) = (GgufExperts.Count(gate), gate.Sizes[1], gate.RowLength);
        return new GgufComputed(
            new TensorInfo(name, TensorType.F32, [experts, inputs, 2 * rows]), experts, expert => GgufTensor.Transpose(
                Alternate(gate.ReadRows(expert * rows, rows), up.ReadRows(expert * rows, rows), (int)inputs),
                2 * (int)rows, (int)inputs));
    }

    private static GgufComputed GateAndUpBias(GgufTensor gate, GgufTensor up, string name) => new(
        new TensorInfo(name, TensorType.F32, [gate.Rows, 2 * gate.RowLength]), 1,
        _ => Alternate(gate.ReadWhole(), up.ReadWhole(), 1));

    private static GgufComputed Down(GgufTensor tensor, string name)
    {
        var (experts, rows, inputs) = (GgufExperts.Count(tensor), tensor.Sizes[1], tensor.RowLength);
        return new GgufComputed(
            new TensorInfo(name, TensorType.F32, [experts, inputs, rows]), experts,
            expert => GgufTensor.Transpose(tensor.ReadRows(expert * rows, rows), (int)rows, (int)inputs));
    }

    // A piece of one, a piece of the other.
    private static float[] Alternate(float[] first, float[] second, int length)
    {
        var result = new float[first.Length + second.Length];
        for (var at = 0; at < first.Length; at += length)
        {
            first.AsSpan(at, length).CopyTo(result.AsSpan(2 * at));
            second.AsSpan(at, length).CopyTo(result.AsSpan((2 * at) + length));
        }

        return result;
    }
}
