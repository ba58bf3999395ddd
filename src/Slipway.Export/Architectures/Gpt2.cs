using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>GPT-2: learned positions, norms with a mean, biases everywhere, and layers stored transposed.</summary>
/// <remarks>Source: Radford et al., Language Models are Unsupervised Multitask Learners (2019).</remarks>
internal class Gpt2 : DecoderArchitecture
{
    public override string PackageType => "gpt2";

    public override bool TiedByDefault => true;

    public override DecoderNames Names { get; } = new()
    {
        Model = "transformer", Embedding = "wte", Layers = "h", Attention = "attn", Norm = "ln_f",
    };

    public override DecoderSizes Sizes(ConfigReader config)
    {
        int hidden = config.Int("n_embd", 768), heads = config.Int("n_head", 12);
        return hidden % heads == 0
            ? new DecoderSizes(
                config.Int("vocab_size"), hidden, config.Int("n_layer", 12), heads, heads, hidden / heads,
                config.Int("n_positions", 1024))
            : throw config.Bad("n_head", $"a divisor of 'n_embd', {hidden}");
    }

    protected override GraphValue Begin(ModuleScope model, DecoderInputs inputs, DecoderSizes sizes)
    {
        var positions = model["wpe"].Embedding(inputs.Positions, sizes.ContextLength, sizes.HiddenSize);
        return model.Add(base.Begin(model, inputs, sizes), positions);
    }

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        // Old checkpoints keep the causal mask.
        layer.Scope.Build.Tensors.Ignore(layer[Names.Attention].NameOf("bias"));
        layer.Scope.Build.Tensors.Ignore(layer[Names.Attention].NameOf("masked_bias"));
        stream.Add(layer.Scope, Attend(layer, Norm(layer["ln_1"], stream, layer.Sizes)));
        stream.Add(layer.Scope, Feed(layer, Norm(layer["ln_2"], stream, layer.Sizes)));
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.LayerNorm(
            stream.Sum(scope), sizes.HiddenSize, (float)scope.Config.Number("layer_norm_epsilon", 1e-5));

    protected GraphValue Attend(DecoderLayer layer, GraphValue x) =>
        Attention(layer.Config, layer.Sizes, layer.Index)
            .Build(layer[Names.Attention], x, layer.Inputs, layer.Rotary, layer.Index);

    /// <summary>The kind of attention that a layer has.</summary>
    protected virtual GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) => new()
    {
        HiddenSize = sizes.HiddenSize,
        NumAttentionHeads = sizes.Heads,
        NumKeyValueHeads = sizes.KeyValueHeads,
        HeadDim = sizes.HeadDim,
        RotarySize = sizes.HeadDim,
        InputBias = true,
        OutputBias = true,
        Layout = AttentionLayout.FusedQkv,
        Transposed = true,
        Names = new AttentionNames { Packed = "c_attn", Output = "c_proj" },
        Scale = (float)((config.Flag("scale_attn_weights", true) ? 1 / Math.Sqrt(sizes.HeadDim) : 1)
            / (config.Flag("scale_attn_by_inverse_layer_idx", false) ? layer + 1 : 1)),
    };

    protected GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        FeedForward(layer.Config, layer.Sizes).Build(layer[Names.FeedForward], x);

    /// <summary>Settings of the feed-forward blocks.</summary>
    protected virtual PlainFeedForward FeedForward(ConfigReader config, DecoderSizes sizes) => new(
        sizes.HiddenSize, config.Int("n_inner", 4 * sizes.HiddenSize),
        Activations.Find(config, "activation_function", "gelu_new"), Bias: true)
    {
        Up = "c_fc", Down = "c_proj", Transposed = true,
    };
}
