using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Modules;

/// <summary>What a checkpoint calls the parts of attention.</summary>
internal sealed record AttentionNames
{
    public static AttentionNames Default { get; } = new();

    public string Query { get; init; } = "q_proj";

    public string Key { get; init; } = "k_proj";

    public string Value { get; init; } = "v_proj";

    /// <summary>The layer of all three.</summary>
    public string Packed { get; init; } = "qkv_proj";

    public string Output { get; init; } = "o_proj";

    public string QueryNorm { get; init; } = "q_norm";

    public string KeyNorm { get; init; } = "k_norm";
}

/// <summary>How a checkpoint holds the layers of query, key and value.</summary>
internal enum AttentionLayout
{
    /// <summary>Each by itself.</summary>
    Separate,

    /// <summary>In one layer: all queries, all keys, all values.</summary>
    FusedQkv,

    /// <summary>In one layer, for each key head: its queries, its key, its value.</summary>
    InterleavedQkv,
}

/// <summary>A linear layer that is not in the package yet.</summary>
/// <param name="Weight">[outputs, inputs].</param>
/// <param name="Bias">[outputs]; null for none.</param>
internal sealed record LayerWeights(Weight Weight, float[]? Bias)
{
    /// <summary>Reads a layer of the checkpoint.</summary>
    /// <param name="scope">The layer.</param>
    /// <param name="outputs">The size of the output.</param>
    /// <param name="inputs">The size of the input.</param>
    /// <param name="bias">Whether it has a bias.</param>
    /// <param name="transposed">Whether the checkpoint has it as [inputs, outputs].</param>
    public static LayerWeights Read(ModuleScope scope, int outputs, int inputs, bool bias, bool transposed) => new(
        transposed
            ? new TransposedWeight(scope.Read("weight", inputs, outputs))
            : scope.Read("weight", outputs, inputs),
        bias ? scope.ReadVector("bias", outputs) : null);

    /// <summary>Layers with the same input, as one.</summary>
    public static LayerWeights Join(params IReadOnlyList<LayerWeights> parts) => new(
        new StackedWeight([.. parts.Select(part => part.Weight)]),
        parts[0].Bias is null ? null : [.. parts.SelectMany(part => part.Bias!)]);

    /// <summary>Consecutive outputs.</summary>
    public LayerWeights Part(int first, int count) =>
        new(new RowRange(Weight, first, count), Bias?[first..(first + count)]);

    /// <summary>Some outputs in a given order, zeros where it is negative; null for all in their own.</summary>
    public LayerWeights Choose(IReadOnlyList<int>? order) => order is null
        ? this
        : new(
            new PermutedWeight(Weight, order),
            Bias is null ? null : [.. order.Select(row => row < 0 ? 0 : Bias[row])]);

    /// <summary>The layer with its output multiplied by a number.</summary>
    public LayerWeights Scaled(float scale) =>
        new(new ScaledWeight(Weight, scale), Bias is null ? null : [.. Bias.Select(value => value * scale)]);

    /// <summary>Writes the layer into the package and applies it.</summary>
    public GraphValue Build(ModuleScope scope, GraphValue x) => scope.Store("weight", Weight)
        .Multiply(scope, x, Bias is null ? default : scope.StoreVector("bias", Bias));
}
