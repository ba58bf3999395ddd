using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
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

    public static TheoryData<int, int, int, int, Offsets, bool, bool> Cases { get; } = new()
    {
        // rows, K, N, block, offsets, scales of 16 bits, what stands around
        { 1, 32, 16, 32, Offsets.ZeroPoints, true, false },
        { 1, 576, 960, 32, Offsets.ZeroPoints, true, true },
        { 7, 576, 41, 32, Offsets.None, true, true },
        { 13, 256, 100, 64, Offsets.ZeroPoints, false, true },
        { 33, 512, 17, 128, Offsets.ZeroPoints, true, false },
        { 16, 512, 1, 256, Offsets.None, false, true },
        { 1, 576, 961, 32, Offsets.Minima, true, true },
        { 14, 256, 33, 64, Offsets.Minima, true, false },
        { 3, 192, 48, 32, Offsets.Minima, false, true },
    };

    /// <summary>What stands in the third of a matrix's inputs.</summary>
    public enum Offsets
    {
        None,
        ZeroPoints,
        Minima,
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Compute_AnyShape_IsTheProductOfTheQuantizedActivations(
        int rows, int inputs, int outputs, int block, Offsets offsets, bool isHalf, bool isFull)
    {
        var matrix = new Matrix(1, outputs, inputs, block, offsets, isHalf);
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
        var (up, gate) = (new Matrix(1, outputs, inputs, block), new Matrix(2, outputs, inputs, block, Offsets.Minima));
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
        var matrix = new Matrix(1, outputs, inputs, block);
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

    /// <summary>Eight rows, four, two and one; each kind of grid.</summary>
    [Theory]
    [InlineData(Offsets.ZeroPoints, true)]
    [InlineData(Offsets.ZeroPoints, false)]
    [InlineData(Offsets.Minima, true)]
    [InlineData(Offsets.Minima, false)]
    public void Compute_BothInstructionSets_GiveTheSameNumbers(Offsets offsets, bool isHalf)
    {
        Assert.SkipUnless(Int4Avx512.IsSupported, "This processor has no AVX-512 to compare with.");
        var matrix = new Matrix(1, 48, 256, 64, offsets, isHalf);
        Assert.Equal(Products(matrix, isNarrow: false), Products(matrix, isNarrow: true));
    }

    /// <summary>
    /// Numbers of half precision are widened exactly, small ones beside large ones and subnormals too.
    /// </summary>
    [Theory]
    [InlineData(Offsets.ZeroPoints, 0.02f)]
    [InlineData(Offsets.ZeroPoints, 1e-4f)]
    [InlineData(Offsets.Minima, 1e-6f)]
    [InlineData(Offsets.Minima, 6e4f)]
    public void Compute_HalfAndSinglePrecision_GiveTheSameNumbers(Offsets offsets, float size)
    {
        Matrix half = new(1, 48, 256, 64, offsets, isHalf: true, size);
        Assert.Equal(Products(half.Widen(), isNarrow: false), Products(half, isNarrow: false));
    }

    // Multiplies 15 rows by a matrix of 48 outputs, 256 inputs and blocks of 64.
    private static unsafe float[] Products(Matrix matrix, bool isNarrow)
    {
        const int rows = 15, inputs = 256, outputs = 48, block = 64;
        var memory = new byte[QuantizedActivations.BytesFor(rows, inputs, block)];
        var y = new float[rows * outputs];
        using var packed = matrix.Pack();
        fixed (float* from = KernelGraphs.Numbers(2, rows * inputs), to = y)
        fixed (byte* at = memory)
        {
            var quantized = QuantizedActivations.At(at, rows, inputs, block);
            for (var row = 0; row < rows; row++)
            {
                quantized.Quantize(row, from + (row * inputs));
            }

            var product = isNarrow ? Narrow(packed.Grids) : packed.Grids.Product;
            for (var row = 0; row < rows;)
            {
                row += product(packed.Part(0, 3), quantized, row, rows - row, to + (row * outputs), outputs);
            }
        }

        return y;
    }

    private static unsafe delegate*<in PackedPart, in QuantizedActivations, int, int, float*, int, int> Narrow(
        GridKind grids)
        => grids == GridKind.HalfZeroPoints ? &Int4Avx2.Compute<ZeroPointGrid<HalfNumbers>>
            : grids == GridKind.HalfMinima ? &Int4Avx2.Compute<MinimumGrid<HalfNumbers>>
            : grids == GridKind.SingleZeroPoints ? &Int4Avx2.Compute<ZeroPointGrid<SingleNumbers>>
            : &Int4Avx2.Compute<MinimumGrid<SingleNumbers>>;

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

    [Fact]
    public void Pack_HalfPrecisionAndBlocksOf32_TakesAtMost465HundredthsOfABit()
    {
        const int outputs = 512, inputs = 1024;
        using var packed = new Matrix(1, outputs, inputs, 32).Pack();
        Assert.InRange(8.0 * packed.Bytes / (outputs * inputs), 4.5, 4.65);
    }

    /// <summary>Every number of half precision but infinities and what is no number, subnormals too.</summary>
    [Fact]
    public unsafe void Widen_EveryHalf_IsExact()
    {
        for (var bits = 0; bits < 1 << 16; bits += 16)
        {
            var halves = Enumerable.Range(bits, 16).Select(number => BitConverter.UInt16BitsToHalf((ushort)number));
            float[] expected = [.. halves.Select(half => (float)half)];
            if (!Array.TrueForAll(expected, float.IsFinite))
            {
                continue;
            }

            fixed (Half* numbers = halves.ToArray())
            {
                var given = new float[16];
                var unit = Vector256.Create(HalfNumbers.Unit);
                HalfNumbers.Widen((byte*)numbers, unit).CopyTo(given);
                HalfNumbers.Widen((byte*)(numbers + 8), unit).CopyTo(given, 8);
                Assert.Equal(expected, given);
                if (Int4Avx512.IsSupported)
                {
                    HalfNumbers.Widen((byte*)numbers, Vector512.Create(HalfNumbers.Unit)).CopyTo(given);
                    Assert.Equal(expected, given);
                }
            }
        }
    }

    private sealed class Matrix(
        int seed, int outputs, int inputs, int block, Offsets offsets = Offsets.ZeroPoints, bool isHalf = true,
        float size = 0.02f)
    {
        // Whether constants are stored in half precision, which the numbers fit or not.
        private bool _isStoredInHalf = isHalf;

        private readonly byte[] _codes = KernelGraphs.Codes(seed, outputs * inputs / 2);
        private readonly float[] _scales = Numbers(seed + 50, outputs * inputs / block, size, isHalf);
        private readonly float[] _minima = Numbers(seed + 60, outputs * inputs / block, size, isHalf);
        private readonly byte[] _zeroPoints = KernelGraphs.Codes(seed + 70, outputs * (((inputs / block) + 1) / 2));

        private int Blocks => inputs / block;

        private int ZeroBytes => (Blocks + 1) / 2;

        public string[] AddTo(Graph graph, string name)
        {
            graph.AddInitializer(KernelGraphs.Constant(
                $"{name}.codes", ElementType.UInt8, [outputs, Blocks, block / 2], _codes));
            AddNumbers(graph, $"{name}.scales", _scales);
            AddNumbers(graph, $"{name}.minima", _minima);
            graph.AddInitializer(KernelGraphs.Constant(
                $"{name}.zeros", ElementType.UInt8, [outputs, ZeroBytes], _zeroPoints));
            return
            [
                $"{name}.codes", $"{name}.scales",
                offsets switch { Offsets.None => "", Offsets.Minima => $"{name}.minima", _ => $"{name}.zeros" },
            ];
        }

        /// <summary>The same numbers in single precision.</summary>
        public Matrix Widen()
        {
            var widened = (Matrix)MemberwiseClone();
            widened._isStoredInHalf = false;
            return widened;
        }

        public unsafe PackedMatrix Pack()
        {
            var kind = (_isStoredInHalf, offsets == Offsets.Minima) switch
            {
                (true, true) => GridKind.HalfMinima,
                (true, false) => GridKind.HalfZeroPoints,
                (false, true) => GridKind.SingleMinima,
                (false, false) => GridKind.SingleZeroPoints,
            };
            fixed (byte* code = _codes, zero = _zeroPoints, scale = Bytes(_scales), minimum = Bytes(_minima))
            {
                return new PackedMatrix(
                    outputs, inputs, block, code, kind, scale,
                    offsets switch { Offsets.None => null, Offsets.Minima => minimum, _ => zero });
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
                .. Enumerable.Range(0, outputs).Select(output => Enumerable.Range(0, inputs).Sum(
                    input => rounded[input] * Weight(output, input))),
            ];
        }

        private double Weight(int output, int input)
        {
            var (at, group) = ((output * inputs) + input, input / block);
            var code = (_codes[at / 2] >> (4 * (at & 1))) & 15;
            double scale = _scales[(output * Blocks) + group];
            return offsets switch
            {
                Offsets.Minima => (code * scale) + _minima[(output * Blocks) + group],
                Offsets.None => (code - 8) * scale,
                _ => (code - ((_zeroPoints[(output * ZeroBytes) + (group / 2)] >> (4 * (group & 1))) & 15)) * scale,
            };
        }

        private void AddNumbers(Graph graph, string name, float[] values) => graph.AddInitializer(new Initializer(
            name, _isStoredInHalf ? ElementType.Float16 : ElementType.Float32, [outputs, Blocks],
            new TensorData.Inline(Bytes(values))));

        private byte[] Bytes(float[] values) => _isStoredInHalf
            ? MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, value => (Half)value)).ToArray()
            : MemoryMarshal.AsBytes<float>(values).ToArray();

        private static float[] Numbers(int seed, int count, float size, bool isHalf)
        {
            var numbers = KernelGraphs.Numbers(seed, count, size);
            return isHalf ? Array.ConvertAll(numbers, number => (float)(Half)number) : numbers;
        }
    }
}
