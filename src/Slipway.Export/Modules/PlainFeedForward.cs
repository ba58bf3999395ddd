using Slipway.Onnx;

namespace Slipway.Export.Modules;

/// <summary>A feed-forward block of two linear layers: down(activation(up(x))).</summary>
internal sealed record PlainFeedForward(
    int HiddenSize, int IntermediateSize, Func<NodeScope, GraphValue, GraphValue> Activation, bool Bias)
{
    /// <summary>Name of the first layer in the checkpoint.</summary>
    public string Up { get; init; } = "up_proj";

    /// <summary>Name of the second layer in the checkpoint.</summary>
    public string Down { get; init; } = "down_proj";

    /// <summary>Tells whether the checkpoint holds layers as [inputs, outputs].</summary>
    public bool Transposed { get; init; }

    public GraphValue Build(ModuleScope scope, GraphValue x)
    {
        var wide = scope[Up].Linear(x, HiddenSize, IntermediateSize, Bias, transposed: Transposed);
        return scope[Down].Linear(
            Activation(scope["act"], wide), IntermediateSize, HiddenSize, Bias, transposed: Transposed);
    }
}
