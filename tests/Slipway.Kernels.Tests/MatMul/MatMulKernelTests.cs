using Microsoft.ML.OnnxRuntime;
using Slipway.Kernels.Interop;
using Slipway.Kernels.MatMul;
using Slipway.Kernels.X86;
using Slipway.Onnx;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.MatMul;

public sealed class MatMulKernelTests : IDisposable
{
    private const float Epsilon = 1e-5f;
    private readonly TemporaryFolder _folder = new();

    public MatMulKernelTests()
        => Assert.SkipUnless(KernelLibrary.IsSupported, "This processor has no AVX2, which the kernels need.");

    public static TheoryData<int, int, int, int, bool, bool> Cases { get; } = new()
    {
        // rows, K, N, block, zero points, what stands around
        { 1, 32, 16, 32, true, false },
        { 1, 576, 960, 32, true, true },
        { 7, 576, 41, 32, false, true },
        { 13, 256, 100, 64, true, true },
        { 33, 512, 17, 128, true, false },
        { 16, 512, 1, 256, false, true },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Compute_AnyShape_IsTheProductOfTheQuantizedActivations(
        int rows, int inputs, int outputs, int block, bool hasZeroPoints, bool isFull)
    {
        var matrix = new Matrix(1, outputs, inputs, block, hasZeroPoints);
        var x = KernelGraphs.Numbers(2, rows * inputs, 3);
        var (norm, bias) = (KernelGraphs.Numbers(3, inputs), KernelGraphs.Numbers(4, outputs));
        var added = KernelGraphs.Numbers(5, rows * outputs);
        var graph = new Graph("product");
        graph.AddInput("x", ElementType.Float32, rows, inputs);
        graph.AddInput("added", ElementType.Float32, rows, outputs);
        string[] around = isFull ? ["norm", "bias", "added"] : ["", "", ""];
        graph.AddInitializer(KernelGraphs.Constant("norm", ElementType.Float32, [inputs], norm));
        graph.AddInitializer(KernelGraphs.Constant("bias", ElementType.Float32, [outputs], bias));
        AddProduct(graph, "FusedMatMulNBits", ["x", .. matrix.AddTo(graph, "w"), .. around], outputs, inputs, block);
        using var session = KernelGraphs.Open(graph, _folder);

        var y = Run(session, ("x", x, rows), ("added", added, rows));

        for (var row = 0; row < rows; row++)
        {
            double[] own = [.. x.Skip(row * inputs).Take(inputs)];
            var expected = matrix.Multiply(isFull ? Normed(own, norm) : own);
            for (var i = 0; i < outputs; i++)
            {
                var rest = isFull ? bias[i] + added[(row * outputs) + i] : 0;
                Near(expected[i] + rest, y[(row * outputs) + i], inputs);
            }
        }
    }

    [Fact]
    public void Compute_Gate_IsSiluTimesTheOther()
    {
        const int rows = 9, inputs = 128, outputs = 50, block = 32;
        var (up, gate) = (new Matrix(1, outputs, inputs, block, true), new Matrix(2, outputs, inputs, block, true));
        var (x, norm) = (KernelGraphs.Numbers(3, rows * inputs), KernelGraphs.Numbers(4, inputs));
        var graph = new Graph("gated");
        graph.AddInput("x", ElementType.Float32, rows, inputs);
        graph.AddInitializer(KernelGraphs.Constant("norm", ElementType.Float32, [inputs], norm));
        AddProduct(
            graph, "GatedMatMulNBits", ["x", .. up.AddTo(graph, "up"), .. gate.AddTo(graph, "gate"), "norm"], outputs,
            inputs, block);
        using var session = KernelGraphs.Open(graph, _folder);

        var y = Run(session, ("x", x, rows));

        for (var row = 0; row < rows; row++)
        {
            var own = Normed([.. x.Skip(row * inputs).Take(inputs)], norm);
            var (ups, gates) = (up.Multiply(own), gate.Multiply(own));
            for (var i = 0; i < outputs; i++)
            {
                Near(ups[i] * gates[i] / (1 + Math.Exp(-gates[i])), y[(row * outputs) + i], inputs);
            }
        }
    }

    /// <summary>
    /// A row's numbers are the same to the bit alone and among others, with one thread and with three.
    /// </summary>
    [Fact]
    public void Compute_RowsTogetherAndAlone_AreEqual()
    {
        const int rows = 31, inputs = 320, outputs = 700, block = 32;
        var matrix = new Matrix(1, outputs, inputs, block, true);
        var x = KernelGraphs.Numbers(2, rows * inputs);
        var norm = KernelGraphs.Numbers(3, inputs);
        var graph = new Graph("rows");
        graph.AddInput("x", ElementType.Float32, "rows", inputs);
        graph.AddInitializer(KernelGraphs.Constant("norm", ElementType.Float32, [inputs], norm));
        AddProduct(graph, "FusedMatMulNBits", ["x", .. matrix.AddTo(graph, "w"), "norm"], outputs, inputs, block);
        using var session = KernelGraphs.Open(graph, _folder, threads: 3);
        using var alone = KernelGraphs.Open(graph, _folder, threads: 1);
        var together = Run(session, ("x", x, rows));
        for (var row = 0; row < rows; row++)
        {
            float[] own = [.. x.Skip(row * inputs).Take(inputs)];
            Assert.Equal(together[(row * outputs)..((row + 1) * outputs)], Run(alone, ("x", own, 1)));
        }
    }

    [Fact]
    public unsafe void Compute_BothInstructionSets_GiveTheSameNumbers()
    {
        Assert.SkipUnless(Int4Avx512.IsSupported, "This processor has no AVX-512 to compare with.");
        const int rows = 7, inputs = 256, outputs = 48, block = 64;
        var matrix = new Matrix(1, outputs, inputs, block, true);
        var x = KernelGraphs.Numbers(2, rows * inputs);
        var memory = new byte[QuantizedActivations.BytesFor(rows, inputs, block)];
        float[] wide = new float[rows * outputs], narrow = new float[rows * outputs];
        fixed (float* from = x, first = wide, second = narrow)
        fixed (byte* at = memory)
        {
            using var packed = matrix.Pack();
            var quantized = QuantizedActivations.At(at, rows, inputs, block);
            for (var row = 0; row < rows; row++)
            {
                quantized.Quantize(row, from + (row * inputs));
            }

            for (var row = 0; row < rows;)
            {
                row += Int4Avx512.Compute(
                    packed.Part(0, 3), quantized, row, rows - row, first + (row * outputs), outputs);
            }

            for (var row = 0; row < rows;)
            {
                row += Int4Avx2.Compute(packed.Part(0, 3), quantized, row, rows - row, second + (row * outputs),
                    outputs);
            }
        }

        Assert.Equal(wide, narrow);
    }

    private static void AddProduct(Graph graph, string type, string[] inputs, int outputs, int width, int block)
    {
        graph.AddNode(new Node(
            "product", "slipway", type, inputs, ["y"],
            [
                new NodeAttribute.Int("N", outputs), new NodeAttribute.Int("K", width),
                new NodeAttribute.Int("block_size", block), new NodeAttribute.Float("epsilon", Epsilon),
            ]));
        graph.AddOutput(new GraphValue("y"), ElementType.Float32, "rows", outputs);
    }

    private static float[] Run(InferenceSession session, params (string Name, float[] Values, int Rows)[] inputs)
    {
        var values = inputs.Where(input => session.InputMetadata.ContainsKey(input.Name)).ToDictionary(
            input => input.Name,
            input => OrtValue.CreateTensorValueFromMemory(input.Values,
                [input.Rows, input.Values.Length / input.Rows]));
        using var options = new RunOptions();
        using var outputs = session.Run(options, values, ["y"]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static double[] Normed(double[] x, float[] weights)
    {
        var size = Math.Sqrt(x.Average(value => value * value) + Epsilon);
        return [.. x.Zip(weights, (value, weight) => value / size * weight)];
    }

    // Codes of rows may round the other way where the norm's last bit differs.
    private static void Near(double expected, float given, int inputs)
        => Assert.InRange(Math.Abs(expected - given), 0, (1e-5 * Math.Abs(expected)) + (2e-4 * Math.Sqrt(inputs)));

    private sealed class Matrix(int seed, int outputs, int inputs, int block, bool hasZeroPoints)
    {
        private readonly byte[] _codes = KernelGraphs.Codes(seed, outputs * inputs / 2);
        private readonly float[] _scales = KernelGraphs.Numbers(seed + 50, outputs * inputs / block, 0.02f);
        private readonly byte[] _zeroPoints = KernelGraphs.Codes(seed + 70, outputs * ((inputs / block) + 1) / 2 * 2);

        private int ZeroBytes => ((inputs / block) + 1) / 2;

        public string[] AddTo(Graph graph, string name)
        {
            graph.AddInitializer(KernelGraphs.Constant(
                $"{name}.codes", ElementType.UInt8, [outputs, inputs / block, block / 2], _codes));
            graph.AddInitializer(KernelGraphs.Constant(
                $"{name}.scales", ElementType.Float32, [outputs, inputs / block], _scales));
            graph.AddInitializer(KernelGraphs.Constant(
                $"{name}.zeros", ElementType.UInt8, [outputs, ZeroBytes], _zeroPoints[..(outputs * ZeroBytes)]));
            return [$"{name}.codes", $"{name}.scales", hasZeroPoints ? $"{name}.zeros" : ""];
        }

        public unsafe PackedMatrix Pack()
        {
            fixed (byte* code = _codes, zero = _zeroPoints)
            fixed (float* scale = _scales)
            {
                return new PackedMatrix(outputs, inputs, block, code, scale, hasZeroPoints ? zero : null);
            }
        }

        // Multiplies as MatMulNBits does, with x rounded to a block's largest size in 127 steps.
        public double[] Multiply(double[] x)
        {
            var rounded = new double[inputs];
            for (var start = 0; start < inputs; start += block)
            {
                var step = x.Skip(start).Take(block).Max(Math.Abs) / 127;
                for (var i = start; i < start + block; i++)
                {
                    rounded[i] = step == 0 ? 0 : Math.Round(x[i] / step) * step;
                }
            }

            return
            [
                .. Enumerable.Range(0, outputs).Select(output => Enumerable.Range(0, inputs).Sum(input =>
                {
                    var at = (output * inputs) + input;
                    var code = (_codes[at / 2] >> (4 * (at & 1))) & 15;
                    var group = input / block;
                    var zero = hasZeroPoints
                        ? (_zeroPoints[(output * ZeroBytes) + (group / 2)] >> (4 * (group & 1))) & 15 : 8;
                    return rounded[input] * (code - zero) * _scales[(output * (inputs / block)) + group];
                })),
            ];
        }
    }
}
