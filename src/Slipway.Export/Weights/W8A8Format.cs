using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>Weights of 8 bits with a scale for each output, which multiply inputs rounded to 8 bits.</summary>
/// <remarks>
/// Each position's inputs have a scale of their own, so that positions and sequences do not change one another's
/// numbers. Many rows at once run faster than with codes in blocks; a single row does not. One object serves one graph,
/// whose batch is one sequence.
/// </remarks>
internal sealed class W8A8Format : WeightFormat
{
    /// <summary>The code of an input that is zero. Signed inputs have no fast kernel on CPUs without AMX.</summary>
    public const byte ZeroPoint = 128;

    private const float Largest = 127;

    private readonly Dictionary<GraphValue, (GraphValue Codes, GraphValue Scales)> _rounded = [];
    private GraphValue? _zeroPoints;

    public override bool CanGather(int columns) => false;

    public override WeightFormat ForStacks(params IReadOnlyList<int> columns) => this;

    public override StoredStack WriteStack(WeightWriter writer, string name, Weight weight, int count) =>
        throw new NotSupportedException(
            $"'{name}' holds experts, and a prefill graph cannot have such layers. Export the model without one.");

    public override StoredMatrix Write(WeightWriter writer, string name, Weight weight)
    {
        int rows = weight.Rows, columns = weight.Columns, done = 0;
        float[] scales = new float[rows];

        // The operator reads inputs × outputs, so the whole matrix is turned around before it is written.
        sbyte[] codes = new sbyte[checked(rows * columns)];
        ReadChunks(writer, name, weight, (chunk, count) =>
        {
            int first = done;
            Parallel.For(0, count, row => scales[first + row] =
                Round(chunk.Span.Slice(row * columns, columns), codes.AsSpan(first + row), rows));
            done += count;
        });
        writer.Data.Begin(codes.Length);
        writer.Data.Write<byte>(MemoryMarshal.AsBytes(codes.AsSpan()));
        GraphValue matrix = writer.Add($"{name}.w8", ElementType.Int8, [columns, rows]);
        return new W8A8Matrix(
            this, matrix, writer.AddParts($"{name}.w8.scales", ElementType.Float32, [rows], [scales]), columns);
    }

    /// <summary>Inputs as codes [sequence, columns], and their scales [1, sequence, 1]; made once for all their readers.</summary>
    public (GraphValue Codes, GraphValue Scales) Round(NodeScope scope, GraphValue x, int columns)
    {
        if (!_rounded.TryGetValue(x, out (GraphValue, GraphValue) rounded))
        {
            GraphValue largest = scope.ReduceMax(scope.Abs(x), keep: true, -1);
            GraphValue scales = scope.Mul(largest, scope.Float(1 / Largest));

            // Inputs that are all zero have the scale 0, which the products are multiplied by, whatever their codes.
            GraphValue list = scope.Reshape(scales, -1);
            _zeroPoints ??= scope.Expand(scope.Byte(ZeroPoint), scope.Shape(list));
            rounded = (scope.QuantizeLinear(scope.Reshape(x, -1, columns), list, _zeroPoints.Value, 0), scales);
            _rounded.Add(x, rounded);
        }

        return rounded;
    }

    // Codes of one output, `stride` apart; returns their scale.
    private static float Round(ReadOnlySpan<float> weights, Span<sbyte> codes, int stride)
    {
        float largest = Math.Abs(TensorPrimitives.MaxMagnitude(weights));
        if (largest == 0)
        {
            return 1;
        }

        float scale = largest / Largest;
        for (int column = 0; column < weights.Length; column++)
        {
            codes[column * stride] = (sbyte)Math.Clamp(MathF.Round(weights[column] / scale), -Largest, Largest);
        }

        return scale;
    }
}
