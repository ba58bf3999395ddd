using Slipway.Training.Autograd;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>The gated feed-forward block: <c>down(act(gate(x)) · up(x))</c> (Shazeer, 2020).</summary>
public sealed class GatedFeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Projection[] _inputs;
    private readonly Projection _down;
    private readonly Activation _activation;

    /// <summary>Creates the block of a layer with unset weights.</summary>
    public GatedFeedForward(string name, ModelConfig config)
        : this(
            name, config ?? throw new ArgumentNullException(nameof(config)), config.IntermediateSize,
            ("gate_proj", "up_proj", "down_proj"))
    {
    }

    internal GatedFeedForward(
        string name, ModelConfig config, int inner, (string Gate, string Up, string Down) names)
        : base(name)
    {
        var (hidden, bias) = (config.HiddenSize, config.MlpBias);
        _activation = config.HiddenAct;
        _inputs = config.Architecture.FusedProjections ? [new("gate_up_proj", hidden, 2 * inner, bias)]
            : [new(names.Gate, hidden, inner, bias), new(names.Up, hidden, inner, bias)];
        _down = new Projection(names.Down, inner, hidden, bias);
        foreach (var projection in _inputs)
        {
            register_module(projection.GetName(), projection);
        }

        register_module(names.Down, _down);
    }

    /// <summary>Maps [tokens, hidden_size] to the same shape.</summary>
    public override Tensor forward(Tensor hidden)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        using var scope = NewDisposeScope();
        var joined = _inputs.Length == 1   // [tokens, 2 × intermediate_size]
            ? _inputs[0].forward(hidden) : Projection.Joined(hidden, _inputs);
        return _down.forward(_activation.Name == "silu" && FusedRows.Applies(joined, joined.shape[1] / 2)
            ? SwiGluFunction.Apply(joined) : Mix(joined))
            .MoveToOuterDisposeScope();
    }

    private Tensor Mix(Tensor joined)
    {
        var halves = joined.chunk(2, -1);   // [tokens, intermediate_size] each
        return _activation.Apply(halves[0]) * halves[1];
    }
}
