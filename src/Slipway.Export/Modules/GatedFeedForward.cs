using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>A feed-forward block of three linear layers: down(activation(gate(x)) · up(x)).</summary>
internal sealed record GatedFeedForward(
    int HiddenSize, int IntermediateSize, Func<NodeScope, GraphValue, GraphValue> Activation, bool Bias = false)
{
    /// <summary>Tells whether the checkpoint has gate and up in one layer, <c>gate_up_proj</c>.</summary>
    public bool StoredPacked { get; init; }

    /// <summary>Factor of the output; folded into the last layer.</summary>
    public float OutputScale { get; init; } = 1;

    public GraphValue Build(ModuleScope scope, GraphValue x)
    {
        var (gate, up) = StoredPacked
            ? (Half(scope, "gate", 0, x), Half(scope, "up", IntermediateSize, x))
            : (scope["gate_proj"].Linear(x, HiddenSize, IntermediateSize, Bias),
                scope["up_proj"].Linear(x, HiddenSize, IntermediateSize, Bias));
        var gated = scope.Mul(Activation(scope["act_fn"], gate), up);
        return scope["down_proj"].Linear(gated, IntermediateSize, HiddenSize, Bias, OutputScale);
    }

    private GraphValue Half(ModuleScope scope, string name, int first, GraphValue x)
    {
        var both = scope["gate_up_proj"].Read("weight", 2 * IntermediateSize, HiddenSize);
        return scope[name].Store("weight", new RowRange(both, first, IntermediateSize))
            .Multiply(scope[name], x, default);
    }
}
