using System.Runtime.InteropServices;
using Slipway.Export.Passes;
using Slipway.Onnx;

namespace Slipway.Export.Quantization.Rotation;

/// <summary>Puts a matrix between the last norm and a head that is the embedding.</summary>
internal static class TiedRotation
{
    /// <summary>Inserts it.</summary>
    /// <param name="graph">The graph; it stays as it is.</param>
    /// <param name="head">The node that multiplies by the head.</param>
    /// <param name="name">The matrix's name.</param>
    /// <param name="matrix">[size, size].</param>
    /// <param name="size">Channels of hidden states.</param>
    public static Graph Insert(Graph graph, Node head, string name, float[] matrix, int size)
    {
        Initializer constant = new(
            name, ElementType.Float32, [size, size],
            new TensorData.Inline(MemoryMarshal.AsBytes<float>(matrix).ToArray()));
        Node product = new(
            $"/{name}/FusedMatMul", OnnxModel.ContribDomain, "FusedMatMul", [head.Inputs[0], name],
            [$"/{name}/FusedMatMul/output"], [new NodeAttribute.Int("transB", 1)]);
        return GraphCopy.Make(
            graph, node => node == head
                ? [product, node with { Inputs = [product.Outputs[0], .. node.Inputs.Skip(1)] }] : [node],
            constants: [constant]);
    }
}
