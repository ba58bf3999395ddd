using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Qwen3.5 (text): linear attention, and in every few layers Qwen3's with a gate on its output.</summary>
/// <remarks>Source: Hugging Face's Qwen3.5; Gated Delta Networks (arXiv 2412.06464).</remarks>
internal class Qwen35 : Llama
{
    public override string PackageType => "qwen3_5";

    public override IReadOnlyList<string> States => ["conv_state", "recurrent_state"];

    protected override double RotaryShare => 0.25;

    /// <summary>Tells whether linear attention has what belongs to a key head together.</summary>
    protected virtual bool StoredByHead => false;

    public override DecoderSizes Sizes(ConfigReader config) =>
        base.Sizes(config) with { HeadDim = config.Int("head_dim", 256) };

    public override GraphValue Forward(ModuleScope root, DecoderInputs inputs)
    {
        root.Build.Tensors.IgnoreModule("mtp");
        return base.Forward(root, inputs);
    }

    // Norms are stored as what exceeds 1.
    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.RmsNorm(stream, sizes.HiddenSize, Epsilon(scope.Config), offset: 1);

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Norm = HeadNorms.Rms(Epsilon(config), offset: 1),
            OutputGate = true,
        };

    protected override GraphValue Attend(DecoderLayer layer, GraphValue x)
    {
        var config = layer.Config;
        if (!LayerTypes.IsLinear(config, layer.Index))
        {
            return base.Attend(layer, x);
        }

        int keyHeads = config.Int("linear_num_key_heads", 16), valueHeads = config.Int("linear_num_value_heads", 32);
        if (valueHeads % keyHeads != 0)
        {
            throw config.Bad("linear_num_value_heads", $"a multiple of 'linear_num_key_heads', {keyHeads}");
        }

        if (config.Text("hidden_act", "silu") is not ("silu" or "swish"))
        {
            throw config.Unsupported("hidden_act", "'silu' for linear attention");
        }

        var kernel = config.Int("linear_conv_kernel_dim", 4);
        return new LinearAttention
        {
            HiddenSize = layer.Sizes.HiddenSize,
            KeyHeads = keyHeads,
            ValueHeads = valueHeads,
            KeySize = config.Int("linear_key_head_dim", 128),
            ValueSize = config.Int("linear_value_head_dim", 128),
            Kernel = kernel > 1 ? kernel : throw config.Unsupported("linear_conv_kernel_dim", "2 or more"),
            Epsilon = Epsilon(config),
            StoredByHead = StoredByHead,
        }.Build(layer["linear_attn"], x, layer.Inputs, layer.Index);
    }
}
