using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>
/// Granite 4: Granite whose layers are Mamba-2 in most places, with experts or without, and one all share.
/// </summary>
/// <remarks>Source: IBM's Granite 4.0 language models; Mamba-2 (arXiv 2405.21060).</remarks>
internal sealed class GraniteMoeHybrid : GraniteMoe
{
    public override IReadOnlyList<string> States => ["conv_state", "recurrent_state"];

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        tables.Config.Text("position_embedding_type", "nope") switch
        {
            "rope" => base.Rotary(tables, sizes, layer),
            "nope" => null,
            _ => throw tables.Config.Unsupported("position_embedding_type", "'rope' and 'nope'"),
        };

    protected override GraphValue Attend(DecoderLayer layer, GraphValue x)
    {
        var config = layer.Config;
        if (!LayerTypes.IsStateSpace(config, layer.Index))
        {
            return base.Attend(layer, x);
        }

        var heads = config.Int("mamba_n_heads", 128);
        var inner = (int)(config.Number("mamba_expand", 2) * layer.Sizes.HiddenSize);
        var size = config.Has("mamba_d_head") && config.IsNumber("mamba_d_head")
            ? config.Int("mamba_d_head")
            : Math.Max(inner / heads, 1);
        var groups = config.Int("mamba_n_groups", 1);
        if ((long)heads * size != inner)
        {
            throw config.Bad("mamba_n_heads", $"heads of size {size} that make up {inner} elements");
        }

        return new StateSpace
        {
            HiddenSize = layer.Sizes.HiddenSize,
            Heads = heads,
            HeadDim = size,
            Groups = heads % groups == 0
                ? groups
                : throw config.Bad("mamba_n_groups", $"a divisor of 'mamba_n_heads', {heads}"),
            StateSize = config.Int("mamba_d_state", 256),
            Kernel = config.Int("mamba_d_conv", 4) is > 1 and var kernel
                ? kernel
                : throw config.Unsupported("mamba_d_conv", "2 or more"),
            Bias = config.Flag("mamba_proj_bias", false),
            KernelBias = config.Flag("mamba_conv_bias", true),
            Epsilon = Epsilon(config),
            OutputScale = Residual(config),
            Steps = StateSpace.ReadSteps(config),
        }.Build(layer["mamba"], x, layer.Inputs, layer.Index);
    }

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x)
    {
        var shared = Shared(layer["shared_mlp"], x, layer.Config.Int("shared_intermediate_size", 1024));
        return layer.Config.Number("num_local_experts", 0) == 0
            ? shared
            : layer.Scope.Add(base.Feed(layer, x), shared);
    }

    private static GraphValue Shared(ModuleScope scope, GraphValue x, int size)
    {
        var config = scope.Config;
        var hidden = config.Int("hidden_size");
        var both = scope["input_linear"].Read("weight", 2 * size, hidden);
        ModuleScope gate = scope["gate"], up = scope["up"];
        var gates = gate.Store("weight", new RowRange(both, 0, size)).Multiply(gate, x, default);
        var ups = up.Store("weight", new RowRange(both, size, size)).Multiply(up, x, default);
        var gated = scope.Mul(Activations.Find(config, "hidden_act", "silu")(scope["act_fn"], gates), ups);
        return scope["output_linear"].Linear(gated, size, hidden, scale: Residual(config));
    }
}
