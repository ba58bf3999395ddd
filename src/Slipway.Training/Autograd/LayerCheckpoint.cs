using Slipway.Training.Adapters;
using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Autograd;

/// <summary>Keeps of a layer its input alone, and computes the layer again where its gradient is asked for (Chen and
/// others, 2016).</summary>
/// <remarks>
/// The second computation is the first one's, operation by operation, also in what dropout leaves out, so that
/// gradients are the same bits. The layer's weights are inputs of the function: their gradients go wherever the caller
/// of backward wants them.
/// </remarks>
internal sealed class LayerCheckpoint : autograd.SingleTensorFunction<LayerCheckpoint>
{
    private const string Call = nameof(Call);

    public override string Name => nameof(LayerCheckpoint);

    /// <summary>Computes a layer.</summary>
    /// <param name="layer">Holds the weights that the computation uses.</param>
    /// <param name="hidden">The input.</param>
    /// <param name="compute">Maps the input.</param>
    public static Tensor Apply(nn.Module layer, Tensor hidden, Func<Tensor, Tensor> compute)
    {
        if (!is_grad_enabled())
        {
            return compute(hidden);
        }

        var weights = Trained(layer);
        return apply([new Saved(compute, weights, RandomDropout.State()), hidden, .. weights]);
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (saved, hidden) = ((Saved)vars[0], (Tensor)vars[1]);
        ctx.save_data(Call, saved);
        ctx.save_for_backward([hidden]);
        using var untracked = no_grad();
        return saved.Compute(hidden);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var saved = (Saved)ctx.get_data(Call);
        var input = ctx.get_saved_variables()[0];
        using var scope = NewDisposeScope();
        using var gradient = grad_output;
        using var tracked = enable_grad();
        using var dropout = RandomDropout.Resume(saved.Dropout);
        using var hidden = input.detach().requires_grad_(input.requires_grad);
        var output = saved.Compute(hidden);
        var inputs = hidden.requires_grad ? [hidden, .. saved.Weights] : saved.Weights.ToArray<Tensor>();
        var gradients = autograd.grad([output], inputs, [gradient], allow_unused: true);
        input.Dispose();
        foreach (var one in gradients.Where(one => !one.IsInvalid))
        {
            one.MoveToOuterDisposeScope();
        }

        return hidden.requires_grad ? [null!, .. gradients] : [null!, null!, .. gradients];
    }

    // The weights that have gradients: the layer's own, or those that an adapter trains beside them.
    private static Parameter[] Trained(nn.Module layer)
    {
        var modules = layer.modules().ToArray();
        return [.. layer.parameters()
            .Concat(modules.OfType<Projection>().SelectMany(one =>
                one.Adapter?.Parameters.Select(pair => pair.Weight) ?? []))
            .Concat(modules.OfType<Attention>().Select(one => one.Prefix?.Weight).OfType<Parameter>())
            .Where(weight => weight.requires_grad).Distinct(ReferenceEqualityComparer.Instance).Cast<Parameter>()];
    }

    private sealed record Saved(Func<Tensor, Tensor> Compute, Parameter[] Weights, DropoutState? Dropout);
}
