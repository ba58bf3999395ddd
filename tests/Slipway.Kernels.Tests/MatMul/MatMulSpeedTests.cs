using System.Diagnostics;
using Slipway.Kernels.MatMul;

namespace Slipway.Kernels.Tests.MatMul;

/// <summary>Measures the products of each instruction set beside each other, in turns, on one thread.</summary>
public sealed class MatMulSpeedTests(ITestOutputHelper output)
{
    private const int Rounds = 15;
    private const int Block = 32;

    [Theory(Explicit = true)]
    [InlineData(4, 576, 1536)]
    [InlineData(4, 1536, 576)]
    [InlineData(8, 576, 1536)]
    public unsafe void Compute_EachInstructionSet_TakesSoLong(int bits, int inputs, int outputs)
    {
        var codes = KernelGraphs.Codes(1, outputs * inputs * bits / 8);
        var scales = Enumerable.Repeat((Half)0.01, outputs * inputs / Block).ToArray();
        fixed (byte* values = codes)
        fixed (Half* numbers = scales)
        {
            using var packed = new PackedMatrix(
                outputs, inputs, Block, values, MatrixLayout.Find(bits, isHalf: true, hasMinima: false),
                (byte*)numbers, null);
            foreach (var rows in (int[])[1, 2, 4, 8, 16, 64])
            {
                var memory = new byte[QuantizedActivations.BytesFor(rows, inputs, Block)];
                var x = KernelGraphs.Numbers(2, rows * inputs);
                fixed (float* from = x)
                fixed (byte* at = memory)
                {
                    var quantized = QuantizedActivations.At(at, rows, inputs, Block);
                    for (var row = 0; row < rows; row++)
                    {
                        quantized.Quantize(row, from + (row * inputs));
                    }

                    var best = InstructionSets.Supported.ToDictionary(set => set, _ => double.MaxValue);
                    for (var round = 0; round < Rounds; round++)
                    {
                        foreach (var set in InstructionSets.Supported)
                        {
                            best[set] = Math.Min(best[set], Seconds(packed, set, quantized, rows));
                        }
                    }

                    var operations = 2.0 * rows * inputs * outputs;
                    output.WriteLine($"{bits} bits, {inputs} → {outputs}, {rows} rows, GOPS: " + string.Join(
                        ", ", best.Select(one => $"{one.Key} {operations / one.Value / 1e9:F0}")));
                }
            }
        }
    }

    private static unsafe double Seconds(PackedMatrix matrix, InstructionSet set, in QuantizedActivations x, int rows)
    {
        const int groups = 8, most = 16;
        var product = matrix.Layout.ProductOf(set);
        var y = stackalloc float[groups * PackedMatrix.Group * most];
        var start = Stopwatch.GetTimestamp();
        for (var group = 0; group < matrix.Groups; group += groups)
        {
            var part = matrix.Part(group, Math.Min(groups, matrix.Groups - group));
            for (var row = 0; row < rows;)
            {
                row += product(part, x, row, rows - row, y, groups * PackedMatrix.Group);
            }
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
