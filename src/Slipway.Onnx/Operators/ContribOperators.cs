namespace Slipway.Onnx.Operators;

/// <summary>ONNX Runtime's own operators that models are built from.</summary>
/// <remarks>Source: ONNX Runtime's list of contributed operators.</remarks>
public static class ContribOperators
{
    /// <summary>x · weightᵀ for a float weight [outputs, inputs], as linear layers store it.</summary>
    public static GraphValue LinearMatMul(this NodeScope scope, GraphValue x, GraphValue weight) =>
        Node(scope, "FusedMatMul", [x, weight], new NodeAttribute.Int("transB", 1));

    /// <summary>x · weightᵀ + bias for a weight [outputs, inputs] of few-bit codes.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="x">[…, inputs].</param>
    /// <param name="codes">uint8 [outputs, blocks, blockSize·bits/8].</param>
    /// <param name="scales">float [outputs, blocks].</param>
    /// <param name="zeroPoints">uint8 [outputs, blocks·bits/8 rounded up], or left out.</param>
    /// <param name="bias">float [outputs], or left out.</param>
    /// <param name="outputs">Rows of the weight.</param>
    /// <param name="inputs">Columns of the weight.</param>
    /// <param name="bits">Bits of a code.</param>
    /// <param name="blockSize">Weights that share a scale.</param>
    /// <param name="roundsActivations">Whether x is rounded to 8 bits in blocks, which is faster.</param>
    public static GraphValue MatMulNBits(
        this NodeScope scope, GraphValue x, GraphValue codes, GraphValue scales, GraphValue zeroPoints, GraphValue bias,
        int outputs, int inputs, int bits, int blockSize, bool roundsActivations = true) =>
        Node(
            scope, "MatMulNBits", [x, codes, scales, zeroPoints, default, bias],
            new NodeAttribute.Int("N", outputs), new NodeAttribute.Int("K", inputs),
            new NodeAttribute.Int("bits", bits), new NodeAttribute.Int("block_size", blockSize),
            new NodeAttribute.Int("accuracy_level", roundsActivations ? 4 : 1));

    /// <summary>x · weightᵀ for a weight of 4-bit codes that a table gives values, NF4 or FP4.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="x">[…, inputs].</param>
    /// <param name="codes">uint8 [outputs·inputs/2]: two codes a byte, the first one in its higher bits.</param>
    /// <param name="scales">float [outputs·inputs/blockSize]: what the values of a block are multiplied by.</param>
    /// <param name="outputs">Rows of the weight.</param>
    /// <param name="inputs">Columns of the weight.</param>
    /// <param name="blockSize">Weights that share a scale; a power of two, 16 or more.</param>
    /// <param name="isNormalFloat">Whether the values are NF4's; FP4's otherwise.</param>
    public static GraphValue MatMulBnb4(
        this NodeScope scope, GraphValue x, GraphValue codes, GraphValue scales, int outputs, int inputs,
        int blockSize, bool isNormalFloat) =>
        Node(
            scope, "MatMulBnb4", [x, codes, scales], new NodeAttribute.Int("N", outputs),
            new NodeAttribute.Int("K", inputs), new NodeAttribute.Int("block_size", blockSize),
            new NodeAttribute.Int("quant_type", isNormalFloat ? 1 : 0));

    /// <summary>The rows of a table of few-bit codes at indices, as floats.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="codes">uint8 [rows, columns·bits/8].</param>
    /// <param name="indices">Row numbers, of any shape.</param>
    /// <param name="scales">float [rows, blocks].</param>
    /// <param name="zeroPoints">uint8 [rows, blocks·bits/8 rounded up], or left out.</param>
    /// <param name="bits">Bits of a code.</param>
    /// <param name="blockSize">Weights that share a scale.</param>
    public static GraphValue GatherBlockQuantized(
        this NodeScope scope, GraphValue codes, GraphValue indices, GraphValue scales, GraphValue zeroPoints,
        int bits, int blockSize) =>
        Node(
            scope, "GatherBlockQuantized", [codes, indices, scales, zeroPoints],
            new NodeAttribute.Int("bits", bits), new NodeAttribute.Int("block_size", blockSize),
            new NodeAttribute.Int("gather_axis", 0), new NodeAttribute.Int("quantize_axis", 1));

    /// <summary>The sum x + skip, and its root-mean-square norm.</summary>
    public static (GraphValue Normed, GraphValue Sum) SkipSimplifiedLayerNormalization(
        this NodeScope scope, GraphValue x, GraphValue skip, GraphValue weight, float epsilon)
    {
        ArgumentNullException.ThrowIfNull(scope);
        var outputs = scope.AddNode(
            OnnxModel.ContribDomain, "SkipSimplifiedLayerNormalization", [x, skip, weight], ["output", "", "", "sum"],
            [new NodeAttribute.Float("epsilon", epsilon)]);
        return (outputs[0], outputs[3]);
    }

    /// <summary>Attention in which every position sees every other one.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="query">[batch, sequence, heads·size].</param>
    /// <param name="key">[batch, sequence, heads·size].</param>
    /// <param name="value">[batch, sequence, heads·size].</param>
    /// <param name="seen">int32 [batch, sequence]: 1 for positions that are seen, 0 for others.</param>
    /// <param name="bias">Added to scores, [batch or 1, heads or 1, sequence, sequence], or nothing.</param>
    /// <param name="attributes"><c>num_heads</c> and others.</param>
    public static GraphValue MultiHeadAttention(
        this NodeScope scope, GraphValue query, GraphValue key, GraphValue value, GraphValue seen, GraphValue bias,
        params IReadOnlyList<NodeAttribute> attributes)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.ContribDomain, "MultiHeadAttention", [query, key, value, default, seen, bias], attributes);
    }

    /// <summary>Turns the heads of each position; halves of a head are the parts of its pairs.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="x">[batch, sequence, heads·size].</param>
    /// <param name="first">int64 [1]: the first position.</param>
    /// <param name="cosines">[positions, size / 2].</param>
    /// <param name="sines">[positions, size / 2].</param>
    public static GraphValue RotaryEmbedding(
        this NodeScope scope, GraphValue x, GraphValue first, GraphValue cosines, GraphValue sines)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.ContribDomain, "RotaryEmbedding", [x, first, cosines, sines],
            new NodeAttribute.Int("interleaved", 0));
    }

    /// <summary>Heads whose first part is turned by their positions, [batch, sequence, heads·head size].</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="x">[batch, sequence, heads·head size].</param>
    /// <param name="positions">int64 [batch, sequence]: rows of the tables.</param>
    /// <param name="cosines">[positions, rotary size / 2].</param>
    /// <param name="sines">[positions, rotary size / 2].</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="rotarySize">The part of a head that turns, each of its first half with its partner in the
    /// second.</param>
    public static GraphValue RotaryEmbedding(
        this NodeScope scope, GraphValue x, GraphValue positions, GraphValue cosines, GraphValue sines, int heads,
        int rotarySize) =>
        Node(
            scope, "RotaryEmbedding", [x, positions, cosines, sines], new NodeAttribute.Int("num_heads", heads),
            new NodeAttribute.Int("rotary_embedding_dim", rotarySize), new NodeAttribute.Int("interleaved", 0));

    /// <summary>Attention over grouped heads, with its key and value cache.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="inputs">What it reads.</param>
    /// <param name="presentKey">The name of the cache of keys after the step; empty for none.</param>
    /// <param name="presentValue">The name of the cache of values after the step; empty for none.</param>
    /// <param name="attributes">Heads, scale, window and so on, by the names of the operator's schema.</param>
    /// <returns>[batch, sequence, heads·head size].</returns>
    public static GraphValue GroupQueryAttention(
        this NodeScope scope, GroupQueryAttentionInputs inputs, string presentKey, string presentValue,
        params IReadOnlyList<NodeAttribute> attributes)
    {
        ArgumentNullException.ThrowIfNull(scope);
        ArgumentNullException.ThrowIfNull(inputs);
        return scope.AddNode(
            OnnxModel.ContribDomain, "GroupQueryAttention",
            [
                inputs.Query, inputs.Key, inputs.Value, inputs.PastKey, inputs.PastValue, inputs.LastPositions,
                inputs.TotalLength, inputs.Cosines, inputs.Sines, default, inputs.Bias, inputs.Sinks,
            ],
            ["output", Named(presentKey), Named(presentValue)], attributes)[0];

        static string Named(string name) => name.Length == 0 ? "" : $"={name}";
    }

    private static GraphValue Node(
        NodeScope scope, string opType, IReadOnlyList<GraphValue> inputs,
        params IReadOnlyList<NodeAttribute> attributes)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.ContribDomain, opType, inputs, attributes);
    }
}

/// <summary>Inputs of the operator GroupQueryAttention.</summary>
public sealed record GroupQueryAttentionInputs
{
    /// <summary>
    /// [batch, sequence, heads·head size]; or query, key and value side by side, without the next two.
    /// </summary>
    public required GraphValue Query { get; init; }

    /// <summary>[batch, sequence, key heads·head size].</summary>
    public GraphValue Key { get; init; }

    /// <summary>[batch, sequence, key heads·head size].</summary>
    public GraphValue Value { get; init; }

    /// <summary>[batch, key heads, past, head size]; default where there are no earlier steps.</summary>
    public required GraphValue PastKey { get; init; }

    /// <summary>[batch, key heads, past, head size]; default where there are no earlier steps.</summary>
    public required GraphValue PastValue { get; init; }

    /// <summary>int32 [batch]: the last position of each row, its length − 1.</summary>
    public required GraphValue LastPositions { get; init; }

    /// <summary>int32 scalar: the length of the longest row.</summary>
    public required GraphValue TotalLength { get; init; }

    /// <summary>[positions, rotary size / 2]: cosines of the rotation.</summary>
    public GraphValue Cosines { get; init; }

    /// <summary>[positions, rotary size / 2]: sines of the rotation.</summary>
    public GraphValue Sines { get; init; }

    /// <summary>[batch or 1, heads or 1, sequence, total]: added to the scores.</summary>
    public GraphValue Bias { get; init; }

    /// <summary>[heads]: a score that takes part in the softmax without a value.</summary>
    public GraphValue Sinks { get; init; }
}
