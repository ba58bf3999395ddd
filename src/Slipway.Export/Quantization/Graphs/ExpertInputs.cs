using Slipway.Export.Quantization.Folding;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Computes in a graph what the matrices of each expert of a mixture multiply.</summary>
/// <remarks>
/// The operator of mixtures shows nothing of that, so it is computed beside it, over tokens that the expert is chosen
/// for:
/// <code>
/// scores ─ TopK ─ [tokens, experts], 1 where chosen ─ Gather, NonZero ─┐
/// x ────────────────────────────────────────────────────────────────── GatherND ─┬─ first matrix's inputs
///                                                                                └─ swiglu(W₁·x) second's
/// </code>
/// </remarks>
/// <param name="node">The node of the operator MoE.</param>
/// <param name="experts">The number of experts.</param>
/// <param name="hidden">Inputs of first matrices.</param>
/// <param name="inner">Inputs of second matrices.</param>
internal sealed class ExpertInputs(Node node, int experts, int hidden, int inner)
{
    private readonly Dictionary<int, GraphValue> _chosen = [];
    private GraphValue? _mask, _rows;

    /// <summary>The number of experts.</summary>
    public int Experts => experts;

    /// <summary>1 for each expert of each token, the first of each text left out, [tokens, experts]; 0 for others.
    /// </summary>
    public GraphValue Mask(NodeScope scope)
    {
        if (_mask is { } known)
        {
            return known;
        }

        GraphValue scores = new(node.Inputs[1]);
        var (_, indices) = scope.TopK(scores, GraphLayers.Attribute(node, "k", 1));
        var zeros = scope.Expand(scope.Float(0), scope.Shape(scores));
        var ones = scope.Expand(scope.Float(1), scope.Shape(indices));
        var mask = InputSum.Later(scope, scope.ScatterElements(zeros, indices, ones), experts);
        _mask = mask;
        return mask;
    }

    /// <summary>Inputs of an expert's first matrix, [its tokens, hidden].</summary>
    public GraphValue First(NodeScope scope, int expert)
    {
        if (!_chosen.TryGetValue(expert, out var chosen))
        {
            var rows = _rows ?? InputSum.Later(scope, new GraphValue(node.Inputs[0]), hidden);
            _rows = rows;
            var own = scope.Gather(scope.Transpose(Mask(scope), 1, 0), scope.Int(expert));
            chosen = scope.GatherND(rows, scope.Transpose(scope.NonZero(own), 1, 0));
            _chosen.Add(expert, chosen);
        }

        return chosen;
    }

    /// <summary>Inputs of an expert's second matrix, [its tokens, inner].</summary>
    public GraphValue Second(NodeScope scope, int expert)
    {
        var product = scope.LinearMatMul(First(scope, expert), Part(GraphLayers.FirstExperts));
        if (node.Inputs[GraphLayers.FirstExpertsBias].Length > 0)
        {
            product = scope.Add(product, Part(GraphLayers.FirstExpertsBias));
        }

        var pairs = scope.Reshape(product, -1, inner, 2);
        var (gate, up) = (scope.Gather(pairs, scope.Int(0), axis: 2), scope.Gather(pairs, scope.Int(1), axis: 2));
        if (GraphLayers.Number(node, "swiglu_limit") is > 0 and var limit)
        {
            gate = scope.Min(gate, scope.Float(limit));
            up = scope.Clip(up, scope.Float(-limit), scope.Float(limit));
        }

        var (alpha, beta) = (
            GraphLayers.Number(node, "activation_alpha"), GraphLayers.Number(node, "activation_beta"));
        var bent = scope.Mul(gate, scope.Sigmoid(scope.Mul(gate, scope.Float(alpha))));
        return scope.Mul(bent, scope.Add(up, scope.Float(beta)));

        GraphValue Part(int input) => scope.Gather(new GraphValue(node.Inputs[input]), scope.Int(expert));
    }
}
