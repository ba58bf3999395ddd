using System.Runtime.InteropServices;
using Slipway.Export.Quantization;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>Weights as 4-bit codes that a table gives values, with a scale for each block.</summary>
/// <remarks>
/// ONNX Runtime multiplies by them, and has no operator that looks rows up; these are computed exactly:
/// <code>
/// codes [rows, columns/2] ─ Gather ─ Gather pairs [256, 2] ─ Reshape [-1, blocks, block size] ─ Mul ─ Reshape
/// scales [rows, blocks]   ─ Gather ─ Reshape [-1, blocks, 1] ────────────────────────────────────┘
/// </code>
/// </remarks>
/// <param name="name">The tensor's name.</param>
/// <param name="codes">uint8 [rows·columns/2], the first code of two in the higher bits.</param>
/// <param name="scales">float [rows, blocks].</param>
/// <param name="values">The values of the codes.</param>
/// <param name="rows">Rows.</param>
/// <param name="columns">Columns, a multiple of the block size.</param>
/// <param name="blockSize">Weights that share a scale.</param>
internal sealed class TableMatrix(
    string name, Initializer codes, GraphValue scales, IReadOnlyList<float> values, int rows, int columns,
    int blockSize) : GraphWeight
{
    private const string Pairs = "/constants/pairs";

    public override GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias)
    {
        var product = scope.MatMulBnb4(
            x, new GraphValue(codes.Name), scope.Reshape(scales, -1), rows, columns, blockSize,
            CodeTable.AreEqual(values, CodeTable.Nf4.Values));
        return bias == default ? product : scope.Add(product, bias);
    }

    public override GraphValue Gather(NodeScope scope, GraphValue indices)
    {
        // The same bytes under a shape that has rows.
        Initializer table = new($"{name}.table", ElementType.UInt8, [rows, columns / 2], codes.Data);
        scope.Graph.AddInitializer(table);
        var found = scope.Cast(scope.Gather(new GraphValue(table.Name), indices), ElementType.Int32);
        var decoded = scope.Reshape(scope.Gather(PairTable(scope.Graph), found), -1, columns / blockSize, blockSize);
        var sizes = scope.Reshape(scope.Gather(scales, indices), -1, columns / blockSize, 1);
        var shape = scope.Concat(0, scope.Shape(indices), scope.Ints(columns));
        return scope.Reshape(scope.Mul(decoded, sizes), shape);
    }

    // The two values of each byte.
    private GraphValue PairTable(Graph graph)
    {
        float[] pairs =
        [
            .. Enumerable.Range(0, 256).SelectMany(pair => (float[])[values[pair >> 4], values[pair & 15]]),
        ];
        return graph.FindInitializer(Pairs) is not null ? new GraphValue(Pairs) : graph.AddInitializer(new Initializer(
            Pairs, ElementType.Float32, [256, 2],
            new TensorData.Inline(MemoryMarshal.AsBytes<float>(pairs).ToArray())));
    }
}
