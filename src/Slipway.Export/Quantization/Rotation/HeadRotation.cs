using Slipway.Export.Quantization.Folding;
using Slipway.Export.Quantization.Graphs;
using Slipway.Onnx;

namespace Slipway.Export.Quantization.Rotation;

/// <summary>Turns the values of each head of attention, which its first and last matrices take up.</summary>
/// <remarks>Layers in which something stands between, such as a gate or a norm, stay as they are.</remarks>
internal static class HeadRotation
{
    /// <summary>Rotates what can be rotated.</summary>
    public static void Apply(Graph graph, GraphLayers layers, GraphTensors tensors)
    {
        foreach (var node in graph.Nodes.Where(node => node.OpType == "GroupQueryAttention"))
        {
            var width = layers.Readers(node.Outputs[0]).Select(layers.Linear).FirstOrDefault()?.Inputs ?? 0;
            if (width == 0 || AttentionValues.Of(node, width, layers) is not { } values
                || layers.Matrices(node.Outputs[0], width) is not { } outputs || IsShared(values.Input))
            {
                continue;
            }

            var maker = layers.Uses.Maker(values.Input);
            var bias = maker is { OpType: "Add" }
                ? maker.Inputs.FirstOrDefault(input => layers.IsVector(input, values.First + values.Count)) : null;
            var source = bias is null ? values.Input : maker!.Inputs.First(input => input != bias);
            if (IsShared(source) || layers.Uses.Maker(source) is not { } product
                || layers.Linear(product) is not { IsOwn: true } linear
                || linear.Outputs != values.First + values.Count)
            {
                continue;
            }

            OrthogonalMatrix matrix = new(values.HeadSize);
            tensors.Edit(
                linear.Name, new ConstantRotation(matrix, !linear.IsTransposed, values.First, values.Count));
            if (bias is not null)
            {
                tensors.Edit(bias, new ConstantRotation(matrix, IsRows: false, values.First, values.Count));
            }

            foreach (var output in outputs)
            {
                tensors.Edit(output.Name, new ConstantRotation(matrix, output.IsTransposed, 0, width));
            }
        }

        bool IsShared(string value) => layers.IsFixed(value) || layers.Uses.Count(value) != 1;
    }
}
