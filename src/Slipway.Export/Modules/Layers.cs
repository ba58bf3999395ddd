using Slipway.Export.Weights;
using Slipway.Onnx.Operators;
using Slipway.Onnx;

namespace Slipway.Export.Modules;

/// <summary>The plain layers that models are built from.</summary>
internal static class Layers
{
    /// <summary>A linear layer with the tensors <c>weight</c> and <c>bias</c>, […, inputs] → […, outputs].</summary>
    /// <param name="scope">The layer.</param>
    /// <param name="x">[…, inputs].</param>
    /// <param name="inputs">The size of the input.</param>
    /// <param name="outputs">The size of the output.</param>
    /// <param name="bias">Whether it has a bias.</param>
    /// <param name="scale">What the output is multiplied by; folded into the tensors.</param>
    /// <param name="order">
    /// For each output, which one of the checkpoint's it is, or a negative number for zeros; null for the same.
    /// </param>
    /// <param name="transposed">Whether the checkpoint has the weight as [inputs, outputs].</param>
    public static GraphValue Linear(
        this ModuleScope scope, GraphValue x, int inputs, int outputs, bool bias = false, float scale = 1,
        IReadOnlyList<int>? order = null, bool transposed = false)
    {
        var layer = LayerWeights.Read(scope, outputs, inputs, bias, transposed);
        return (scale == 1 ? layer : layer.Scaled(scale)).Choose(order).Build(scope, x);
    }

    /// <summary>
    /// The rows of the tensor <c>weight</c> that token ids name, [batch, sequence] → [batch, sequence, size].
    /// </summary>
    public static GraphValue Embedding(this ModuleScope scope, GraphValue ids, int count, int size) =>
        scope.Table("weight", count, size).Gather(scope, ids);

    /// <summary>The root-mean-square norm of the hidden states with the tensor <c>weight</c>.</summary>
    public static GraphValue RmsNorm(
        this ModuleScope scope, ResidualStream stream, int size, float epsilon, float offset = 0) =>
        stream.RmsNorm(scope, scope.NormWeight(size, offset), epsilon);

    /// <summary>The root-mean-square norm over the last axis with the tensor <c>weight</c>.</summary>
    /// <param name="scope">The norm.</param>
    /// <param name="x">[…, size].</param>
    /// <param name="size">The size of the last axis.</param>
    /// <param name="epsilon">What is added to the mean of squares.</param>
    /// <param name="offset">What is added to the weights.</param>
    /// <param name="order">For each element, which one of the checkpoint's it is; null for the same.</param>
    public static GraphValue RmsNorm(
        this ModuleScope scope, GraphValue x, int size, float epsilon, float offset = 0,
        IReadOnlyList<int>? order = null) =>
        scope.SimplifiedLayerNormalization(x, scope.NormWeight(size, offset, order), epsilon);

    /// <summary>The norm with a mean over the last axis with the tensors <c>weight</c> and <c>bias</c>.</summary>
    /// <remarks>Checkpoints converted from TensorFlow call them <c>gamma</c> and <c>beta</c>.</remarks>
    /// <param name="scope">The norm.</param>
    /// <param name="x">[…, size].</param>
    /// <param name="size">The size of the last axis.</param>
    /// <param name="epsilon">What is added to the variance.</param>
    /// <param name="bias">Whether it has a bias.</param>
    /// <param name="offset">What is added to the weights.</param>
    /// <param name="order">For each element, which one of the checkpoint's it is; null for the same.</param>
    public static GraphValue LayerNorm(
        this ModuleScope scope, GraphValue x, int size, float epsilon, bool bias = true, float offset = 0,
        IReadOnlyList<int>? order = null)
    {
        var weight = scope.NormWeight(size, offset, order, scope.Has("gamma") ? "gamma" : "weight");
        var added = bias ? scope.NormWeight(size, 0, order, scope.Has("beta") ? "beta" : "bias") : default;
        return scope.LayerNormalization(x, weight, added, epsilon);
    }

    /// <summary>The norm with a mean over the last axis, without weights.</summary>
    public static GraphValue PlainLayerNorm(this ModuleScope scope, GraphValue x, int size, float epsilon) =>
        scope.LayerNormalization(
            x, scope.StoreVector("ones", [.. Enumerable.Repeat(1f, size)]), default, epsilon);

    private static GraphValue NormWeight(
        this ModuleScope scope, int size, float offset, IReadOnlyList<int>? order = null, string name = "weight")
    {
        var values = scope.ReadVector(name, size);
        return scope.StoreVector(
            name, [.. values.Select((value, index) => (order is null ? value : values[order[index]]) + offset)]);
    }
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
