using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>
/// GPT-NeoX (Pythia): norms with a mean, biases, a part of each head that turns, and parallel blocks.
/// </summary>
/// <remarks>Source: GPT-NeoX-20B (arXiv 2204.06745).</remarks>
internal sealed class GptNeoX : DecoderArchitecture
{
    public override string PackageType => "gpt_neox";

    public override DecoderNames Names { get; } = new()
    {
        Model = "gpt_neox", Embedding = "embed_in", Attention = "attention", Norm = "final_layer_norm",
        Head = "embed_out",
    };

    public override DecoderSizes Sizes(ConfigReader config)
    {
        int hidden = config.Int("hidden_size"), heads = config.Int("num_attention_heads");
        return hidden % heads == 0
            ? new DecoderSizes(
                config.Int("vocab_size"), hidden, config.Int("num_hidden_layers"), heads, heads, hidden / heads,
                config.Int("max_position_embeddings", 2048))
            : throw config.Bad("num_attention_heads", $"a divisor of 'hidden_size', {hidden}");
    }

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) => tables.Get(
        "", config => RotaryScaling.Read(
            config, config.Section("rope_parameters") ?? config.Section("rope_scaling"),
            config.Number("rotary_emb_base", config.Number("rope_theta", 10000)), RotarySize(config, sizes)));

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        // Old checkpoints keep the causal mask and the frequencies.
        var attention = layer[Names.Attention];
        foreach (var name in (string[])["bias", "masked_bias", "rotary_emb.inv_freq"])
        {
            layer.Scope.Build.Tensors.Ignore(attention.NameOf(name));
        }

        if (layer.Config.Flag("use_parallel_residual", true))
        {
            var attended = Attend(layer, Norm(layer["input_layernorm"], stream, layer.Sizes));
            var fed = Feed(layer, Norm(layer["post_attention_layernorm"], stream, layer.Sizes));
            stream.Add(layer.Scope, attended);
            stream.Add(layer.Scope, fed);
        }
        else
        {
            stream.Add(layer.Scope, Attend(layer, Norm(layer["input_layernorm"], stream, layer.Sizes)));
            stream.Add(layer.Scope, Feed(layer, Norm(layer["post_attention_layernorm"], stream, layer.Sizes)));
        }
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.LayerNorm(stream.Sum(scope), sizes.HiddenSize, (float)scope.Config.Number("layer_norm_eps", 1e-5));

    private GraphValue Attend(DecoderLayer layer, GraphValue x) =>
        Attention(layer.Config, layer.Sizes, layer.Index)
            .Build(layer[Names.Attention], x, layer.Inputs, layer.Rotary, layer.Index);

    private static GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) => new()
    {
        HiddenSize = sizes.HiddenSize,
        NumAttentionHeads = sizes.Heads,
        NumKeyValueHeads = sizes.KeyValueHeads,
        HeadDim = sizes.HeadDim,
        RotarySize = RotarySize(config, sizes),
        InputBias = config.Flag("attention_bias", true),
        OutputBias = config.Flag("attention_bias", true),
        Layout = AttentionLayout.InterleavedQkv,
        Names = new AttentionNames { Packed = "query_key_value", Output = "dense" },
    };

    private GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        new PlainFeedForward(
            layer.Sizes.HiddenSize, layer.Config.Int("intermediate_size"),
            Activations.Find(layer.Config, "hidden_act", "gelu"), Bias: true)
        {
            Up = "dense_h_to_4h", Down = "dense_4h_to_h",
        }.Build(layer[Names.FeedForward], x);

    private static int RotarySize(ConfigReader config, DecoderSizes sizes) =>
        RotaryOrder.Read(config, sizes.HeadDim, 0.25, "partial_rotary_factor", "rotary_pct");
}
