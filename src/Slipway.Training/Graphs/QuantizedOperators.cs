using Slipway.Onnx;
using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Graphs;

/// <summary>Operators that read quantized matrices; gradients reach their scales.</summary>
internal static class QuantizedOperators
{
    private const int Scales = 2, Bias = 5;
    private const string Product = "MatMulNBits", Table = "GatherBlockQuantized";

    /// <summary>The inputs that hold packed values and packed zero points; none for other operators.</summary>
    public static IReadOnlyList<int> PackedInputs(string opType) => opType switch
    {
        Product => [1, 3],
        Table => [0, 3],
        _ => [],
    };

    /// <summary>Unpacks the matrix that a node reads.</summary>
    public static QuantizedWeight Unpack(Node node, GraphConstants constants)
    {
        GraphCall call = new(node, [], _ => throw new NotSupportedException());
        var packed = PackedInputs(node.OpType);
        int bits = (int)call.Int("bits", 4), blockSize = (int)call.Int("block_size", 128);
        using var codes = constants.Read(node.Inputs[packed[0]]);
        using var zeroPoints = node.Inputs.Count > packed[1] && node.Inputs[packed[1]].Length > 0
            ? constants.Read(node.Inputs[packed[1]]) : null;
        call.Require(zeroPoints is null || zeroPoints.dtype == ScalarType.Byte, "has zero points that are no integers");
        var (rows, columns) = node.OpType == Product
            ? ((int)call.Int("N", 0), (int)call.Int("K", 0))
            : ((int)codes.shape[0], (int)codes.shape[1] * 8 / bits);
        return QuantizedWeight.Unpack(codes, zeroPoints, rows, columns, bits, blockSize);
    }

    /// <summary>Computes x · weightᵀ + bias; x is not rounded, as kernels do at run time.</summary>
    public static Tensor[] MatMul(GraphCall call)
    {
        var (x, weight) = (call[0], call.Weight);
        var product = QuantizedLinearFunction.Apply(
            x.reshape(-1, weight.Columns), call[Scales].view(weight.Rows, weight.Blocks), weight);
        product = product.view([.. x.shape[..^1], weight.Rows]);
        return [call.Optional(Bias) is { } bias ? product.Plus(bias) : product];
    }

    /// <summary>Looks up rows of a table.</summary>
    public static Tensor[] Gather(GraphCall call)
    {
        call.Require(call.Int("gather_axis", 0) == 0, "gathers along another axis than the first");
        var (indices, weight) = (call[1], call.Weight);
        var rows = weight.Select(
            call[Scales].view(weight.Rows, weight.Blocks), indices.to(ScalarType.Int64).reshape(-1));
        return [rows.view([.. indices.shape, weight.Columns])];
    }
}
