using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Kernels.Interop;
using Slipway.Onnx;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Attention;

public sealed class AttentionKernelTests : IDisposable
{
    private const int Capacity = 700;
    private readonly TemporaryFolder _folder = new();

    public AttentionKernelTests()
        => Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");

    public static TheoryData<int, int, int, int, float, bool, int, uint> Cases { get; } = new()
    {
        // heads, key heads, head size, window, softcap, sinks, bits, digest of the last outputs on any processor
        { 9, 3, 64, 0, 0, false, 32, 0xCDDDA5E3 },
        { 9, 3, 64, 0, 0, false, 16, 0x5C15E08C },
        { 9, 3, 64, 0, 0, false, 8, 0xC1D64799 },
        { 9, 3, 64, 0, 0, false, 4, 0x50B19815 },
        { 4, 4, 16, 0, 30, false, 32, 0xE186B188 },
        { 4, 2, 16, 0, 0, false, 4, 0xA0B58E9B },
        { 8, 1, 80, 0, 0, true, 32, 0x3AF1F033 },
        { 8, 1, 80, 0, 0, true, 16, 0x531CB237 },
        { 4, 2, 16, 0, 30, false, 16, 0xCEF8EAD7 },
        { 6, 2, 128, 300, 20, true, 16, 0xE52B4BDA },
        { 8, 1, 80, 0, 0, true, 4, 0x6EFDBCC6 },
        { 24, 1, 32, 100, 0, false, 8, 0x19EC0654 },
        { 24, 1, 96, 100, 0, false, 4, 0xFC23ED80 },
        { 6, 2, 128, 300, 20, true, 32, 0x31007300 },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Compute_UnequalRowsAndChunks_IsAttention(
        int heads, int keyHeads, int size, int window, float softcap, bool sinks, int bits, uint digest)
    {
        var layer = new Layer(heads, keyHeads, size, window, softcap, sinks, bits);
        using var session = KernelGraphs.Open(layer.Graph(), _folder);
        int[] lengths = [1, 17, 256, 257, 600];
        using var run = new Attention(layer, session, lengths.Length);
        for (var row = 0; row < lengths.Length; row++)
        {
            Compare(layer, row, 0, lengths[row], run.Compute(row, 1, lengths[row]));
        }

        // One more token of each, in one batch.
        var next = run.Compute(0, lengths.Length, 1, lengths);
        Assert.Equal(digest, KernelGraphs.Digest(next));
        for (var row = 0; row < lengths.Length; row++)
        {
            Compare(layer, row, lengths[row], 1, next[(row * layer.Width)..((row + 1) * layer.Width)]);
        }
    }

    /// <summary>A token's output is the same to the bit in whatever chunk, batch and number of threads.</summary>
    [Theory]
    [InlineData(32)]
    [InlineData(16)]
    [InlineData(8)]
    [InlineData(4)]
    public void Compute_OtherChunksAndBatches_GivesTheSame(int bits)
    {
        var layer = new Layer(9, 3, 64, 0, 0, sinks: false, bits);
        using var session = KernelGraphs.Open(layer.Graph(), _folder, threads: 1);
        using var other = KernelGraphs.Open(layer.Graph(), _folder, threads: 3);
        using var whole = new Attention(layer, session, 3);
        using var parts = new Attention(layer, other, 3);
        int[] lengths = [620, 300, 40];
        for (var row = 0; row < lengths.Length; row++)
        {
            var expected = whole.Compute(row, 1, lengths[row]);
            for (var (start, chunk) = (0, 0); start < lengths[row]; start += chunk)
            {
                chunk = Math.Min(1 + (start / 3), lengths[row] - start);
                var given = parts.Compute(row, 1, chunk, start);
                Assert.Equal(expected[(start * layer.Width)..((start + chunk) * layer.Width)], given);
            }
        }

        var together = whole.Compute(0, 3, 1, lengths);
        for (var row = 0; row < lengths.Length; row++)
        {
            Assert.Equal(
                together[(row * layer.Width)..((row + 1) * layer.Width)], parts.Compute(row, 1, 1, lengths[row]));
        }
    }

    /// <summary>
    /// A row that is to be left alone keeps what it holds, and the rows beside it give what they do without it.
    /// </summary>
    [Theory]
    [InlineData(32)]
    [InlineData(16)]
    [InlineData(8)]
    [InlineData(4)]
    public void Compute_LastPositionIsMinusOne_LeavesTheRowAlone(int bits)
    {
        var layer = new Layer(9, 3, 64, 0, 0, sinks: false, bits);
        using var session = KernelGraphs.Open(layer.Graph(), _folder);
        using Attention run = new(layer, session, 3), without = new(layer, session, 3);
        int[] lengths = [620, 300, 40];
        for (var row = 0; row < lengths.Length; row++)
        {
            run.Compute(row, 1, lengths[row]);
            without.Compute(row, 1, lengths[row]);
        }

        var next = run.Compute(0, 3, 1, 620, -1, 40);

        Assert.Equal(without.Compute(0, 1, 1, 620), next[..layer.Width]);
        Assert.All(next[layer.Width..(2 * layer.Width)], value => Assert.Equal(0, value));
        Assert.Equal(without.Compute(2, 1, 1, 40), next[(2 * layer.Width)..]);
        Assert.Equal(without.Compute(1, 1, 1, 300), run.Compute(1, 1, 1, 300));
        Assert.Equal(without.Keys, run.Keys);
        Assert.Equal(without.Values, run.Values);
    }

    /// <summary>
    /// A cache that keeps little more than the window gives what one of all tokens does, to the bit, in any chunks.
    /// </summary>
    [Theory]
    [InlineData(32, 100, 63, 0, true)]
    [InlineData(32, 300, 63, 20, false)]
    [InlineData(32, 8, 0, 0, false)]
    [InlineData(16, 100, 63, 0, false)]
    [InlineData(16, 65, 7, 30, true)]
    [InlineData(8, 70, 63, 0, false)]
    [InlineData(8, 64, 17, 0, true)]
    [InlineData(4, 100, 63, 0, false)]
    [InlineData(4, 33, 1, 0, false)]
    public void Compute_SlidingCache_GivesTheBitsOfAFullOne(int bits, int window, int slack, float softcap, bool sinks)
    {
        var full = new Layer(6, 2, 32, window, softcap, sinks, bits);
        var layer = new Layer(6, 2, 32, window, softcap, sinks, bits, slack);
        using InferenceSession session = KernelGraphs.Open(full.Graph(), _folder, threads: 1),
            slidingSession = KernelGraphs.Open(layer.Graph(), _folder, threads: 3);
        int[] lengths = [640, 333, window, 1, window + slack];
        using var whole = new Attention(full, session, lengths.Length);
        using var sliding = new Attention(layer, slidingSession, lengths.Length);
        for (var row = 0; row < lengths.Length; row++)
        {
            var expected = whole.Compute(row, 1, lengths[row]);

            // The longest of these chunks are several windows long, and the first ones a token each.
            for (var (start, chunk) = (0, 0); start < lengths[row]; start += chunk)
            {
                chunk = Math.Min(start < 20 ? 1 : 1 + (((start * 31) + row) % (2 * window)), lengths[row] - start);
                var given = sliding.Compute(row, 1, chunk, start);
                Assert.Equal(expected[(start * full.Width)..((start + chunk) * full.Width)], given);
            }
        }

        // Rows evict at different steps, some together, and one is left alone, which keeps what it holds.
        for (var step = 0; step < 45; step++)
        {
            var starts = lengths.Select(length => length + step).ToArray();
            starts[1] = step < 20 ? -1 : 333 + step - 20;
            Assert.Equal(whole.Compute(0, lengths.Length, 1, starts), sliding.Compute(0, lengths.Length, 1, starts));
        }

        // Chunks of all rows together, of which some need more room than their caches have.
        int[] ends = [685, 358, window + 45, 46, window + slack + 45];
        Assert.Equal(whole.Compute(0, 5, 15, ends), sliding.Compute(0, 5, 15, ends));
        int[] last = [.. ends[1..].Select(end => end + 15)];
        var many = Math.Min(2 * window, 200);
        Assert.Equal(whole.Compute(1, 4, many, last), sliding.Compute(1, 4, many, last));
    }

    [Fact]
    public void Compute_BeyondTheCache_IsRefused()
    {
        var layer = new Layer(2, 1, 16, 0, 0, sinks: false, bits: 32);
        using var session = KernelGraphs.Open(layer.Graph(), _folder);
        using var run = new Attention(layer, session, 1);
        Assert.Throws<OnnxRuntimeException>(() => run.Compute(0, 1, 2, Capacity - 1));
        Assert.Throws<OnnxRuntimeException>(() => run.Compute(0, 1, 1, -5));
    }

    // Quantized caches lose some of keys and values: the error is stated as a part of what attention gives.
    private static void Compare(Layer layer, int row, int start, int count, float[] given)
    {
        foreach (var token in (int[])[0, count / 2, count - 1])
        {
            var expected = layer.Expected(row, start + token);
            double error = 0, size = 0;
            for (var i = 0; i < layer.Width; i++)
            {
                error += Math.Pow(expected[i] - given[(token * layer.Width) + i], 2);
                size += Math.Pow(expected[i], 2);
            }
            Assert.InRange(
                Math.Sqrt(error / size), 0, layer.Bits switch { 4 => 0.2, 8 => 0.015, 16 => 1e-3, _ => 1e-5 });
        }
    }

    private sealed class Layer(
        int heads, int keyHeads, int size, int window, float softcap, bool sinks, int bits, int? slack = null)
    {
        private readonly float[] _cosines = [.. Angles(size / 4).Select(angle => (float)Math.Cos(angle))];
        private readonly float[] _sines = [.. Angles(size / 4).Select(angle => (float)Math.Sin(angle))];
        private readonly float[] _sinkScores = KernelGraphs.Numbers(9, heads);

        public int Width => heads * size;

        public int PackedWidth => (heads + (2 * keyHeads)) * size;

        public int Bits => bits;

        public TensorElementType CacheType => bits switch
        {
            4 => TensorElementType.UInt8,
            8 => TensorElementType.Int8,
            16 => TensorElementType.Float16,
            _ => TensorElementType.Float,
        };

        private int CacheWidth => bits == 4 ? (size / 2) + (size % 32 == 0 ? size / 8 : size / 4) : size;

        // A sliding one keeps the window and what lies before it until it is full.
        private int CacheLength => slack is null ? Capacity : window + slack.Value;

        public long[] CacheShape(int rows) => [rows, keyHeads, CacheLength, CacheWidth];

        // Query, key and value of a token, side by side.
        public float[] Token(int row, int position)
            => KernelGraphs.Numbers((row * Capacity) + position + 100, PackedWidth);

        public Graph Graph()
        {
            var graph = new Graph("attention");
            var cache = (ElementType)(int)CacheType;
            graph.AddInput("qkv", ElementType.Float32, "batch", "tokens", PackedWidth);
            graph.AddInput("past_key", cache, "batch", keyHeads, CacheLength, CacheWidth);
            graph.AddInput("past_value", cache, "batch", keyHeads, CacheLength, CacheWidth);
            graph.AddInput("last", ElementType.Int32, "batch");
            Add("cosines", [Capacity, size / 4], _cosines);
            Add("sines", [Capacity, size / 4], _sines);
            Add("sinks", [heads], _sinkScores);
            Add("scales", [keyHeads, 1, size], [.. Enumerable.Repeat(1.5f / 127, keyHeads * size)]);
            graph.AddNode(new Node(
                "attention", "slipway",
                bits switch
                {
                    4 => "GroupQueryAttentionInt4",
                    8 => "GroupQueryAttentionInt8",
                    16 => "GroupQueryAttentionFloat16",
                    _ => "GroupQueryAttention",
                },
                [
                    "qkv", "past_key", "past_value", "last", "", "", "cosines", "sines", sinks ? "sinks" : "",
                    bits == 8 ? "scales" : "", bits == 8 ? "scales" : "",
                ],
                ["y", "present_key", "present_value"],
                [
                    new NodeAttribute.Int("num_heads", heads), new NodeAttribute.Int("kv_num_heads", keyHeads),
                    new NodeAttribute.Float("scale", (float)(3 / Math.Sqrt(size))),
                    new NodeAttribute.Float("softcap", softcap),
                    new NodeAttribute.Int("local_window_size", window > 0 ? window : -1),
                    new NodeAttribute.Int("do_rotary", 1),
                    .. slack is null ? (NodeAttribute[])[] : [new NodeAttribute.Int("sliding_window_cache", 1)],
                ]));
            graph.AddOutput(new GraphValue("y"), ElementType.Float32, "batch", "tokens", Width);
            graph.AddOutput(new GraphValue("present_key"), cache, "batch", keyHeads, CacheLength, CacheWidth);
            graph.AddOutput(new GraphValue("present_value"), cache, "batch", keyHeads, CacheLength, CacheWidth);
            return graph;

            void Add(string name, long[] shape, float[] values)
                => graph.AddInitializer(KernelGraphs.Constant(name, ElementType.Float32, shape, values));
        }

        public double[] Expected(int row, int position)
        {
            var own = Token(row, position);
            var first = window > 0 ? Math.Max(0, position - window + 1) : 0;
            float[][] tokens = [.. Enumerable.Range(0, position + 1).Select(at => at < first ? [] : Token(row, at))];
            var output = new double[Width];
            for (var head = 0; head < heads; head++)
            {
                var keyHead = head / (heads / keyHeads);
                var query = Rotated(own.AsSpan(head * size, size), position);
                var scores = new double[position + 1];
                for (var at = first; at <= position; at++)
                {
                    var key = Rotated(tokens[at].AsSpan((heads + keyHead) * size, size), at);
                    var score = query.Zip(key, (x, y) => x * y).Sum() * 3 / Math.Sqrt(size);
                    scores[at] = softcap > 0 ? softcap * Math.Tanh(score / softcap) : score;
                }

                var sum = (sinks ? Math.Exp(_sinkScores[head]) : 0) + scores.Skip(first).Sum(Math.Exp);
                for (var at = first; at <= position; at++)
                {
                    var value = tokens[at].AsSpan((heads + keyHeads + keyHead) * size, size);
                    for (var i = 0; i < size; i++)
                    {
                        output[(head * size) + i] += Math.Exp(scores[at]) / sum * value[i];
                    }
                }
            }

            return output;
        }

        // Half of a head turns.
        private double[] Rotated(ReadOnlySpan<float> head, int position)
        {
            var half = size / 4;
            var rotated = new double[size];
            for (var i = 0; i < size; i++)
            {
                var (cosine, sine) = (_cosines[(position * half) + (i % half)], _sines[(position * half) + (i % half)]);
                rotated[i] = i < half ? (head[i] * cosine) - (head[i + half] * sine)
                    : i < 2 * half ? (head[i] * cosine) + (head[i - half] * sine)
                    : head[i];
            }

            return rotated;
        }

        private static IEnumerable<double> Angles(int half)
            => Enumerable.Range(0, Capacity).SelectMany(position =>
                Enumerable.Range(0, half).Select(pair => position * Math.Pow(100, -(double)pair / half)));
    }

    // Rows of one cache that past and present share.
    private sealed class Attention(Layer layer, InferenceSession session, int rows) : IDisposable
    {
        private readonly OrtValue[] _caches = [Cache(layer, rows), Cache(layer, rows)];

        public byte[] Keys => _caches[0].GetTensorMutableRawData().ToArray();

        public byte[] Values => _caches[1].GetTensorMutableRawData().ToArray();

        public float[] Compute(int row, int count, int tokens, params int[] starts)
        {
            var begin = starts.Length == 0 ? new int[count] : starts;
            float[] packed =
            [
                .. Enumerable.Range(0, count).SelectMany(index => Enumerable.Range(0, tokens).SelectMany(
                    token => layer.Token(row + index, begin[index] + token))),
            ];
            var y = new float[count * tokens * layer.Width];
            using var binding = session.CreateIoBinding();
            using var qkv = OrtValue.CreateTensorValueFromMemory(packed, [count, tokens, layer.PackedWidth]);
            using var last = OrtValue.CreateTensorValueFromMemory([.. begin.Select(start => start + tokens - 1)],
                [count]);
            using var output = OrtValue.CreateTensorValueFromMemory(y, [count, tokens, layer.Width]);
            using OrtValue key = View(_caches[0], row, count), value = View(_caches[1], row, count);
            binding.BindInput("qkv", qkv);
            binding.BindInput("last", last);
            binding.BindInput("past_key", key);
            binding.BindInput("past_value", value);
            binding.BindOutput("y", output);
            binding.BindOutput("present_key", key);
            binding.BindOutput("present_value", value);
            using var options = new RunOptions();
            session.RunWithBinding(options, binding);
            return y;
        }

        public void Dispose()
        {
            _caches[0].Dispose();
            _caches[1].Dispose();
        }

        private static OrtValue Cache(Layer layer, int rows)
        {
            var cache = OrtValue.CreateAllocatedTensorValue(
                OrtAllocator.DefaultInstance, layer.CacheType,
                layer.CacheShape(rows));
            cache.GetTensorMutableRawData().Fill(0x7F);
            return cache;
        }

        private unsafe OrtValue View(OrtValue cache, int row, int count)
        {
            var data = cache.GetTensorMutableRawData();
            var bytes = data.Length / rows;
            fixed (byte* start = data)
            {
                return OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance, layer.CacheType,
                    layer.CacheShape(count), (nint)start + (row * bytes), count * bytes);
            }
        }
    }
}
