using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>A feed-forward block of three linear layers: down(activation(gate(x)) · up(x)).</summary>
internal sealed record GatedFeedForward(
    int HiddenSize, int IntermediateSize, Func<NodeScope, GraphValue, GraphValue> Activation, bool Bias = false)
{
    public GraphValue Build(ModuleScope scope, GraphValue x)
    {
        GraphValue gate = scope["gate_proj"].Linear(x, HiddenSize, IntermediateSize, Bias);
        GraphValue up = scope["up_proj"].Linear(x, HiddenSize, IntermediateSize, Bias);
        GraphValue gated = scope.Mul(Activation(scope["act_fn"], gate), up);
        return scope["down_proj"].Linear(gated, IntermediateSize, HiddenSize, Bias);
    }
}
