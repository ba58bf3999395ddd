namespace Slipway.Onnx.Operators;

/// <summary>ONNX Runtime's operators that carry a state from step to step.</summary>
/// <remarks>Source: ONNX Runtime's list of contributed operators.</remarks>
public static class StateOperators
{
    /// <summary>A causal convolution of each channel on its own, with SiLU afterwards where asked for.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="x">[batch, channels, sequence].</param>
    /// <param name="weight">[channels, 1, kernel].</param>
    /// <param name="bias">[channels], or nothing.</param>
    /// <param name="past">[batch, channels, kernel − 1]: the inputs before these.</param>
    /// <param name="present">The name of the last inputs after the step.</param>
    /// <param name="silu">Whether SiLU follows.</param>
    public static GraphValue CausalConvWithState(
        this NodeScope scope, GraphValue x, GraphValue weight, GraphValue bias, GraphValue past, string present,
        bool silu)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.ContribDomain, "CausalConvWithState", [x, weight, bias, past], ["output", $"={present}"],
            [new NodeAttribute.Text("activation", silu ? "silu" : "none")])[0];
    }

    /// <summary>The gated delta rule: a matrix for each head that decays and is corrected towards each value.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="query">[batch, sequence, key heads·key size].</param>
    /// <param name="key">[batch, sequence, key heads·key size], of length 1.</param>
    /// <param name="value">[batch, sequence, value heads·value size].</param>
    /// <param name="past">[batch, value heads, key size, value size].</param>
    /// <param name="present">The name of the matrices after the step.</param>
    /// <param name="decay">[batch, sequence, value heads]: logarithms.</param>
    /// <param name="beta">[batch, sequence, value heads]: how much is corrected.</param>
    /// <param name="keyHeads">Heads of queries and keys.</param>
    /// <param name="valueHeads">Heads of values.</param>
    /// <returns>[batch, sequence, value heads·value size].</returns>
    public static GraphValue GatedDeltaRule(
        this NodeScope scope, GraphValue query, GraphValue key, GraphValue value, GraphValue past, string present,
        GraphValue decay, GraphValue beta, int keyHeads, int valueHeads)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.ContribDomain, "LinearAttention", [query, key, value, past, decay, beta],
            ["output", $"={present}"],
            [
                new NodeAttribute.Int("q_num_heads", keyHeads), new NodeAttribute.Int("kv_num_heads", valueHeads),
                new NodeAttribute.Text("update_rule", "gated_delta"),
            ])[0];
    }

    /// <summary>The gated recurrence: a matrix for each head that decays and takes in each key's value.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="query">[batch, sequence, key heads·key size].</param>
    /// <param name="key">[batch, sequence, key heads·key size].</param>
    /// <param name="value">[batch, sequence, value heads·value size].</param>
    /// <param name="past">[batch, value heads, key size, value size].</param>
    /// <param name="present">The name of the matrices after the step.</param>
    /// <param name="decay">[batch, sequence, value heads]: logarithms.</param>
    /// <param name="keyHeads">Heads of queries and keys.</param>
    /// <param name="valueHeads">Heads of values.</param>
    /// <returns>[batch, sequence, value heads·value size].</returns>
    public static GraphValue GatedRecurrence(
        this NodeScope scope, GraphValue query, GraphValue key, GraphValue value, GraphValue past, string present,
        GraphValue decay, int keyHeads, int valueHeads)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.ContribDomain, "LinearAttention", [query, key, value, past, decay], ["output", $"={present}"],
            [
                new NodeAttribute.Int("q_num_heads", keyHeads), new NodeAttribute.Int("kv_num_heads", valueHeads),
                new NodeAttribute.Text("update_rule", "gated"), new NodeAttribute.Float("scale", 1),
            ])[0];
    }

    /// <summary>Decay and correction of the gated delta rule.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="a">[batch, sequence, heads].</param>
    /// <param name="bias">[heads]: added to a.</param>
    /// <param name="scale">[heads]: what the softplus is multiplied by.</param>
    /// <param name="b">[batch, sequence, heads].</param>
    public static (GraphValue Decay, GraphValue Beta) LinearAttentionGate(
        this NodeScope scope, GraphValue a, GraphValue bias, GraphValue scale, GraphValue b)
    {
        ArgumentNullException.ThrowIfNull(scope);
        var outputs = scope.AddNode(
            OnnxModel.ContribDomain, "LinearAttentionGate", [a, bias, scale, b], ["decay", "beta"], []);
        return (outputs[0], outputs[1]);
    }

    /// <summary>The root-mean-square norm of each run of the weight's length, times the SiLU of a gate.</summary>
    public static GraphValue GatedRMSNorm(
        this NodeScope scope, GraphValue x, GraphValue weight, GraphValue gate, float epsilon)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.ContribDomain, "GatedRMSNorm", [x, weight, gate],
            new NodeAttribute.Text("activation", "silu"), new NodeAttribute.Float("epsilon", epsilon));
    }
}
