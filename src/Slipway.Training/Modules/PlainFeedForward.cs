using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>The feed-forward block of GPT-2: <c>down(act(up(x)))</c>.</summary>
internal sealed class PlainFeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Activation _activation;

    public PlainFeedForward(string name, ModelConfig config)
        : base(name)
    {
        _activation = config.HiddenAct;
        c_fc = new Projection(nameof(c_fc), config.HiddenSize, config.IntermediateSize, config.MlpBias, true);
        c_proj = new Projection(nameof(c_proj), config.IntermediateSize, config.HiddenSize, config.MlpBias, true);
        register_module(nameof(c_fc), c_fc);
        register_module(nameof(c_proj), c_proj);
    }

    private Projection c_fc { get; }

    private Projection c_proj { get; }

    /// <summary>Maps [tokens, hidden_size] to the same shape.</summary>
    public override Tensor forward(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return c_proj.forward(_activation.Apply(c_fc.forward(hidden))).MoveToOuterDisposeScope();
    }
}
