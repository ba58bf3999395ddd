namespace Slipway.Onnx.Operators;

/// <summary>ONNX Runtime's operators for mixtures of experts.</summary>
/// <remarks>
/// An expert is second(swiglu(first(x))): rows of its first matrix are gate and up in turn, and
/// swiglu(g, u) = g·sigmoid(alpha·g)·(u + beta), with g and u clamped where a limit is given. On CPU the weights of
/// experts are the softmax of their scores. Source: ONNX Runtime's list of contributed operators.
/// </remarks>
public static class ExpertOperators
{
    /// <summary>The outputs of the chosen experts, weighted and summed; weights are floats.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="x">[batch, sequence, hidden].</param>
    /// <param name="scores">[tokens, experts].</param>
    /// <param name="first">[experts, 2·intermediate, hidden], and its bias [experts, 2·intermediate] or
    /// nothing.</param>
    /// <param name="second">[experts, hidden, intermediate], and its bias [experts, hidden] or nothing.</param>
    /// <param name="attributes">By the names of the operator's schema.</param>
    public static GraphValue MoE(
        this NodeScope scope, GraphValue x, GraphValue scores, (GraphValue Weight, GraphValue Bias) first,
        (GraphValue Weight, GraphValue Bias) second, params IReadOnlyList<NodeAttribute> attributes)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.ContribDomain, "MoE", [x, scores, first.Weight, first.Bias, second.Weight, second.Bias],
            attributes);
    }

    /// <summary>The same with weights of few-bit codes.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="x">[batch, sequence, hidden].</param>
    /// <param name="scores">[tokens, experts]: the largest are chosen.</param>
    /// <param name="weights">[tokens, experts]: what chosen experts count for; nothing for the scores' softmax.</param>
    /// <param name="first">The first matrices.</param>
    /// <param name="second">The second matrices.</param>
    /// <param name="attributes">By the names of the operator's schema.</param>
    public static GraphValue QMoE(
        this NodeScope scope, GraphValue x, GraphValue scores, GraphValue weights, QuantizedExperts first,
        QuantizedExperts second, params IReadOnlyList<NodeAttribute> attributes)
    {
        ArgumentNullException.ThrowIfNull(scope);
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        return scope.AddNode(
            OnnxModel.ContribDomain, "QMoE",
            [
                x, scores, first.Codes, first.Scales, first.Bias, second.Codes, second.Scales, second.Bias,
                default, default, default, first.ZeroPoints, second.ZeroPoints, default, weights,
            ],
            attributes);
    }
}

/// <summary>One matrix of every expert as few-bit codes.</summary>
/// <param name="Codes">uint8 [experts, outputs, inputs·bits/8].</param>
/// <param name="Scales">float [experts, outputs, blocks].</param>
/// <param name="ZeroPoints">uint8 [experts, outputs, blocks·bits/8 rounded up].</param>
/// <param name="Bias">[experts, outputs], or nothing.</param>
public sealed record QuantizedExperts(GraphValue Codes, GraphValue Scales, GraphValue ZeroPoints, GraphValue Bias);
