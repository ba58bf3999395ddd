using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

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
    public static GraphValue Linear(
        this ModuleScope scope, GraphValue x, int inputs, int outputs, bool bias = false, float scale = 1)
    {
        StoredMatrix weight = scale == 1
            ? scope.Matrix("weight", outputs, inputs)
            : scope.Store("weight", new ScaledWeight(scope.Read("weight", outputs, inputs), scale));
        GraphValue added = bias
            ? scope.StoreVector("bias", [.. scope.ReadVector("bias", outputs).Select(value => value * scale)])
            : default;
        return weight.Multiply(scope, x, added);
    }

    /// <summary>Linear layers that read the same input, as one: their outputs side by side.</summary>
    /// <param name="scope">The module that holds them.</param>
    /// <param name="name">The name of the one layer.</param>
    /// <param name="x">[…, inputs].</param>
    /// <param name="inputs">The size of the input.</param>
    /// <param name="bias">Whether they have biases.</param>
    /// <param name="parts">The layers' names and output sizes.</param>
    public static GraphValue PackedLinear(
        this ModuleScope scope, string name, GraphValue x, int inputs, bool bias,
        params IReadOnlyList<(string Name, int Outputs)> parts)
    {
        StoredMatrix weight = scope[name].Store(
            "weight", new StackedWeight([.. parts.Select(part => scope[part.Name].Read("weight", part.Outputs, inputs))]));
        GraphValue biases = default;
        if (bias)
        {
            biases = scope[name].StoreVector(
                "bias", [.. parts.SelectMany(part => scope[part.Name].ReadVector("bias", part.Outputs))]);
        }

        return weight.Multiply(scope[name], x, biases);
    }

    /// <summary>The rows of the tensor <c>weight</c> that token ids name, [batch, sequence] → [batch, sequence, size].</summary>
    public static GraphValue Embedding(this ModuleScope scope, GraphValue ids, int count, int size) =>
        scope.Table("weight", count, size).Gather(scope, ids);

    /// <summary>The root-mean-square norm of the hidden states with the tensor <c>weight</c>.</summary>
    public static GraphValue RmsNorm(
        this ModuleScope scope, ResidualStream stream, int size, float epsilon, float offset = 0) =>
        stream.RmsNorm(scope, scope.NormWeight(size, offset), epsilon);

    /// <summary>The root-mean-square norm over the last axis with the tensor <c>weight</c>.</summary>
    public static GraphValue RmsNorm(
        this ModuleScope scope, GraphValue x, int size, float epsilon, float offset = 0) =>
        scope.SimplifiedLayerNormalization(x, scope.NormWeight(size, offset), epsilon);

    private static GraphValue NormWeight(this ModuleScope scope, int size, float offset) =>
        scope.StoreVector("weight", [.. scope.ReadVector("weight", size).Select(value => value + offset)]);
}
