using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Modules;

/// <summary>The plain layers that models are built from.</summary>
internal static class Layers
{
    /// <summary>A linear layer with the tensors <c>weight</c> and <c>bias</c>, […, inputs] → […, outputs].</summary>
    public static GraphValue Linear(this ModuleScope scope, GraphValue x, int inputs, int outputs, bool bias = false)
    {
        StoredMatrix weight = scope.Matrix("weight", outputs, inputs);
        return weight.Multiply(scope, x, bias ? scope.Vector("bias", outputs) : default);
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
    public static GraphValue RmsNorm(this ModuleScope scope, ResidualStream stream, int size, float epsilon) =>
        stream.RmsNorm(scope, scope.Vector("weight", size), epsilon);
}
