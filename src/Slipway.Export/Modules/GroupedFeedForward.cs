using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>
/// Experts whose activation the operators of mixtures lack: each computes the rows of its own tokens.
/// </summary>
/// <remarks>
/// For each expert, of which most have no row:
/// <code>
/// weights ─ Gather ─┬ NonZero ─ Transpose ─┬ GatherND x ─ gate, up ─ act · ─ down ─ · weight ─ ScatterND
///                   └──────────────────────┴───────────────────────────────────────┘
/// </code>
/// </remarks>
internal sealed record GroupedFeedForward(
    int HiddenSize, int IntermediateSize, int Experts, Func<NodeScope, GraphValue, GraphValue> Activation)
{
    /// <summary>Builds the block.</summary>
    /// <param name="scope">
    /// The experts: <c>gate_up_proj</c> [experts, 2·intermediate, hidden], <c>down_proj</c> [experts, hidden,
    /// intermediate].
    /// </param>
    /// <param name="x">[batch, sequence, hidden].</param>
    /// <param name="weights">[tokens, experts]: what experts count for, 0 for those that are not chosen.</param>
    public GraphValue Build(ModuleScope scope, GraphValue x, GraphValue weights)
    {
        var both = scope.ReadStack("gate_up_proj", Experts, 2 * IntermediateSize, HiddenSize);
        var last = scope.ReadStack("down_proj", Experts, HiddenSize, IntermediateSize);
        var rows = scope.Reshape(x, -1, HiddenSize);
        var byExpert = scope.Transpose(weights, 1, 0);
        var sum = scope.Expand(scope.Float(0), scope.Shape(rows));
        for (var index = 0; index < Experts; index++)
        {
            var expert = scope[index];
            var own = expert.Gather(byExpert, expert.Int(index));
            var places = expert.Transpose(expert.NonZero(own), 1, 0);
            var chosen = expert.GatherND(rows, places);
            var gate = Part("gate_proj", both, 2 * index * IntermediateSize, IntermediateSize, chosen);
            var up = Part("up_proj", both, ((2 * index) + 1) * IntermediateSize, IntermediateSize, chosen);
            var gated = expert.Mul(Activation(expert["act_fn"], gate), up);
            var down = Part("down_proj", last, index * HiddenSize, HiddenSize, gated);
            sum = expert.ScatterAdd(sum, places, expert.Mul(down, expert.Gather(own, places)));

            GraphValue Part(string name, Weight stack, int first, int count, GraphValue input) =>
                expert[name].Store("weight", new RowRange(stack, first, count)).Multiply(expert[name], input, default);
        }

        return scope.Reshape(sum, scope.Shape(x));
    }
}
