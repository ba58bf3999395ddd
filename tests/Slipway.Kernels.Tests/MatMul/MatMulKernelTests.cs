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
    private const int Rows = 15;
    private readonly TemporaryFolder _folder = new();

    public MatMulKernelTests()
        => Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");

    public static TheoryData<int, int, int, int, int, Offsets, bool, bool, uint> Cases { get; } = new()
    {
        // bits, rows, K, N, block, offsets, scales of 16 bits, what stands around, the outputs' digest on any processor
        { 4, 1, 32, 16, 32, Offsets.ZeroPoints, true, false, 0x1CB6AC66 },
        { 4, 1, 576, 960, 32, Offsets.ZeroPoints, true, true, 0x5BABFA40 },
        { 4, 7, 576, 41, 32, Offsets.None, true, true, 0xA0C8E219 },
        { 4, 13, 256, 100, 64, Offsets.ZeroPoints, false, true, 0xB11808A9 },
        { 4, 33, 512, 17, 128, Offsets.ZeroPoints, true, false, 0x5DC970CB },
        { 4, 16, 512, 1, 256, Offsets.None, false, true, 0xF72C15E2 },
        { 4, 1, 576, 961, 32, Offsets.Minima, true, true, 0x3D1C8244 },
        { 4, 14, 256, 33, 64, Offsets.Minima, true, false, 0xAC19B414 },
        { 4, 3, 192, 48, 32, Offsets.Minima, false, true, 0x0008B69F },
        { 8, 1, 32, 16, 32, Offsets.ZeroPoints, true, false, 0x32183EBE },
        { 8, 1, 576, 961, 32, Offsets.None, true, true, 0xEF161F48 },
        { 8, 13, 256, 41, 64, Offsets.ZeroPoints, true, true, 0xCC21AF46 },
        { 8, 33, 512, 17, 128, Offsets.Minima, true, false, 0x7E4C660E },
        { 8, 6, 512, 100, 256, Offsets.ZeroPoints, false, true, 0x1DBE0285 },
        { 8, 3, 192, 48, 32, Offsets.Minima, false, true, 0xCFC26B13 },
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
        int bits, int rows, int inputs, int outputs, int block, Offsets offsets, bool isHalf, bool isFull,
        uint digest)
    {
        var matrix = new Matrix(1, outputs, inputs, block, offsets, isHalf, bits: bits);
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

        Assert.Equal(digest, KernelGraphs.Digest(y));
        for (var row = 0; row < rows; row++)
        {
            double[] own = [.. x.Skip(row * inputs).Take(inputs)];
            var expected = matrix.Multiply(isFull ? Normed(own, norm) : own);
            for (var i = 0; i < outputs; i++)
            {
                var rest = isFull ? bias[i] + added[(row * outputs) + i] : 0;
                Near(expected[i] + rest, y[(row * outputs) + i], inputs, bits);
            }
        }
    }

    /// <summary>The two may have values of other bits, whose instructions take other numbers of rows.</summary>
    [Theory]
    [InlineData(4, 4, 0x55C5DC0C)]
    [InlineData(4, 8, 0xEB83095A)]
    [InlineData(8, 4, 0xB1A42C24)]
    public void Compute_Gate_IsSiluTimesTheOther(int bits, int gateBits, uint digest)
    {
        const int rows = 15, inputs = 128, outputs = 50, block = 32;
        Matrix up = new(1, outputs, inputs, block, bits: bits, size: 0.02f * 16 / (1 << bits));
        Matrix gate = new(
            2, outputs, inputs, block, Offsets.Minima, bits: gateBits, size: 0.02f * 16 / (1 << gateBits));
        var (x, norm) = (KernelGraphs.Numbers(3, rows * inputs), KernelGraphs.Numbers(4, inputs));
        var graph = new Graph("gated");
        graph.AddInput("x", ElementType.Float32, rows, inputs);
        graph.AddInitializer(KernelGraphs.Constant("norm", ElementType.Float32, [inputs], norm));
        AddProduct(
            graph, "GatedMatMulNBits", ["x", .. up.AddTo(graph, "up"), .. gate.AddTo(graph, "gate"), "norm"], outputs,
            inputs, block);
        using var session = KernelGraphs.Open(graph, _folder);

        var y = Run(session, ("x", x, rows));

        Assert.Equal(digest, KernelGraphs.Digest(y));
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

    /// <summary>Eight rows, four, two and one; each kind of values and grid.</summary>
    [Theory]
    [InlineData(4, Offsets.ZeroPoints, true)]
    [InlineData(4, Offsets.ZeroPoints, false)]
    [InlineData(4, Offsets.Minima, true)]
    [InlineData(4, Offsets.Minima, false)]
    [InlineData(8, Offsets.ZeroPoints, true)]
    [InlineData(8, Offsets.ZeroPoints, false)]
    [InlineData(8, Offsets.Minima, true)]
    [InlineData(8, Offsets.Minima, false)]
    public void Compute_AnyInstructionSet_GivesTheSameNumbers(int bits, Offsets offsets, bool isHalf)
    {
        var matrix = new Matrix(1, 48, 256, 64, offsets, isHalf, bits: bits);
        var expected = Products(matrix, InstructionSet.Vector128);
        Assert.All(InstructionSets.Supported, set => Assert.Equal(expected, Products(matrix, set)));
    }

    /// <summary>Rows that fill the registers of each form, and that leave some over; blocks of one tile.</summary>
    [Theory]
    [InlineData(4, Offsets.ZeroPoints)]
    [InlineData(4, Offsets.Minima)]
    [InlineData(8, Offsets.None)]
    public void Compute_AnyNumberOfRows_GivesTheSameNumbers(int bits, Offsets offsets)
    {
        var matrix = new Matrix(3, 48, 256, 32, offsets, bits: bits);
        for (var rows = 1; rows <= 17; rows++)
        {
            var expected = Products(matrix, InstructionSet.Vector128, rows: rows, block: 32);
            Assert.All(
                InstructionSets.Supported,
                set => Assert.Equal(expected, Products(matrix, set, rows: rows, block: 32)));
        }
    }

    /// <summary>The largest values times the largest inputs: sums stay within 16 bits.</summary>
    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public void Compute_LargestNumbers_AreNotCutOff(int bits)
    {
        var matrix = new Matrix(1, 48, 256, 64, Offsets.Minima, isHalf: false, bits: bits).Fill();
        var sums = matrix.Multiply([.. Enumerable.Repeat(1.0, 256)]);
        float[] x = [.. Enumerable.Range(0, Rows * 256).Select(at => at / 256 % 2 == 0 ? 1f : -1f)];
        foreach (var y in InstructionSets.Supported.Select(set => Products(matrix, set, x)))
        {
            Assert.All(y, (value, at) => Assert.Equal(
                sums[at % 48] * (at / 48 % 2 == 0 ? 1 : -1), value, 1e-5 * sums.Max(Math.Abs)));
        }
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
        var set = InstructionSets.Best(4);
        Assert.Equal(Products(half.Widen(), set), Products(half, set));
    }

    // Multiplies rows by a matrix of 48 outputs and 256 inputs.
    private static unsafe float[] Products(
        Matrix matrix, InstructionSet instructions, float[]? x = null, int rows = Rows, int block = 64)
    {
        const int inputs = 256, outputs = 48;
        var memory = new byte[QuantizedActivations.BytesFor(rows, inputs, block)];
        var y = new float[rows * outputs];
        using var packed = matrix.Pack();
        fixed (float* from = x ?? KernelGraphs.Numbers(2, rows * inputs), to = y)
        fixed (byte* at = memory)
        {
            var quantized = QuantizedActivations.At(at, rows, inputs, block);
            for (var row = 0; row < rows; row++)
            {
                quantized.Quantize(row, from + (row * inputs));
            }

            var product = packed.Layout.ProductOf(instructions);
            for (var row = 0; row < rows;)
            {
                row += product(packed.Part(0, 3), quantized, row, rows - row, to + (row * outputs), outputs);
            }
        }

        return y;
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
    private static void Near(double expected, float given, int inputs, int bits = 4)
        => Assert.InRange(
            Math.Abs(expected - given), 0,
            (1e-5 * Math.Abs(expected)) + (2e-4 * Math.Sqrt(inputs) * (1 << bits) / 16));

    [Theory]
    [InlineData(4, 4.65)]
    [InlineData(8, 8.75)]
    public void Pack_HalfPrecisionAndBlocksOf32_TakesAtMostSoManyBitsAWeight(int bits, double most)
    {
        const int outputs = 512, inputs = 1024;
        using var packed = new Matrix(1, outputs, inputs, 32, bits: bits).Pack();
        Assert.InRange(8.0 * packed.Bytes / (outputs * inputs), bits + 0.5, most);
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
                for (var i = 0; i < 16; i += 4)
                {
                    HalfNumbers.Widen((byte*)(numbers + i), Vector128.Create(HalfNumbers.Unit)).CopyTo(given, i);
                }

                Assert.Equal(expected, given);
                if (MatMulAvx2.IsSupported)
                {
                    var unit = Vector256.Create(HalfNumbers.Unit);
                    HalfNumbers.Widen((byte*)numbers, unit).CopyTo(given);
                    HalfNumbers.Widen((byte*)(numbers + 8), unit).CopyTo(given, 8);
                    Assert.Equal(expected, given);
                }

                if (MatMulAvx512.IsSupported)
                {
                    HalfNumbers.Widen((byte*)numbers, Vector512.Create(HalfNumbers.Unit)).CopyTo(given);
                    Assert.Equal(expected, given);
                }
            }
        }
    }

    private sealed class Matrix(
        int seed, int outputs, int inputs, int block, Offsets offsets = Offsets.ZeroPoints, bool isHalf = true,
        float size = 0.02f, int bits = 4)
    {
        // Whether constants are stored in half precision, which the numbers fit or not.
        private bool _isStoredInHalf = isHalf;

        private readonly byte[] _codes = KernelGraphs.Codes(seed, outputs * inputs * bits / 8);
        private readonly float[] _scales = Numbers(seed + 50, outputs * inputs / block, size, isHalf);
        private readonly float[] _minima = Numbers(seed + 60, outputs * inputs / block, size, isHalf);
        private readonly byte[] _zeroPoints = KernelGraphs.Codes(
            seed + 70, outputs * (((inputs / block * bits) + 7) / 8));

        private int Blocks => inputs / block;

        private int ZeroBytes => ((Blocks * bits) + 7) / 8;

        public string[] AddTo(Graph graph, string name)
        {
            graph.AddInitializer(KernelGraphs.Constant(
                $"{name}.codes", ElementType.UInt8, [outputs, Blocks, block * bits / 8], _codes));
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

        /// <summary>The same with the largest codes.</summary>
        public Matrix Fill()
        {
            Array.Fill(_codes, byte.MaxValue);
            return this;
        }

        public unsafe PackedMatrix Pack()
        {
            var layout = MatrixLayout.Find(bits, _isStoredInHalf, offsets == Offsets.Minima);
            fixed (byte* code = _codes, zero = _zeroPoints, scale = Bytes(_scales), minimum = Bytes(_minima))
            {
                return new PackedMatrix(
                    outputs, inputs, block, code, layout, scale,
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
            var code = Unpack(_codes, at);
            double scale = _scales[(output * Blocks) + group];
            return offsets switch
            {
                Offsets.Minima => (code * scale) + _minima[(output * Blocks) + group],
                Offsets.None => (code - (1 << (bits - 1))) * scale,
                _ => (code - Unpack(_zeroPoints.AsSpan(output * ZeroBytes), group)) * scale,
            };
        }

        private int Unpack(ReadOnlySpan<byte> packed, int at)
            => bits == 8 ? packed[at] : (packed[at / 2] >> (4 * (at & 1))) & 15;

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
