using Slipway.Training.Autograd;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>The feed-forward block SwiGLU: <c>down(silu(gate(x)) · up(x))</c> (Shazeer, 2020).</summary>
public sealed class GatedFeedForward : nn.Module<Tensor, Tensor>
{
    /// <summary>Creates the block with unset weights.</summary>
    public GatedFeedForward(string name, ModelConfig config)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(config);
        var (hidden, inner) = (config.HiddenSize, config.IntermediateSize);
        gate_proj = new Projection(nameof(gate_proj), hidden, inner, config.MlpBias);
        up_proj = new Projection(nameof(up_proj), hidden, inner, config.MlpBias);
        down_proj = new Projection(nameof(down_proj), inner, hidden, config.MlpBias);
        register_module(nameof(gate_proj), gate_proj);
        register_module(nameof(up_proj), up_proj);
        register_module(nameof(down_proj), down_proj);
    }

    private Projection gate_proj { get; }

    private Projection up_proj { get; }

    private Projection down_proj { get; }

    /// <summary>Maps [tokens, hidden_size] to the same shape.</summary>
    public override Tensor forward(Tensor hidden)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        using var scope = NewDisposeScope();
        var joined = Projection.Joined(hidden, gate_proj, up_proj);   // [tokens, 2 × intermediate_size]
        return down_proj.forward(FusedRows.Applies(joined, joined.shape[1] / 2)
            ? SwiGluFunction.Apply(joined) : Mix(joined))
            .MoveToOuterDisposeScope();
    }

    private static Tensor Mix(Tensor joined)
    {
        var halves = joined.chunk(2, -1);   // [tokens, intermediate_size] each
        return nn.functional.silu(halves[0]) * halves[1];
    }
}
