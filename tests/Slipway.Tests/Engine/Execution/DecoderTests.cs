using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Kernels.Interop;
using Slipway.Packaging;
using Slipway.Tests.Engine.Windows;

namespace Slipway.Tests.Engine.Execution;

public sealed class DecoderTests(ITestOutputHelper output)
{
    [Fact]
    public void EvictedTokens_TokenByToken_FollowsTheOperator()
    {
        foreach (var window in (CacheWindow[])[new(8, 1), new(8, 5), new(8, 63), new(512, 63), new(4096, 16)])
        {
            var kept = 0;
            for (var length = 1; length < 9000; length++)
            {
                // A full slot keeps what the next token sees, and takes that token.
                kept = kept == window.Capacity ? window.Size : kept + 1;
                Assert.Equal(length - kept, window.EvictedTokens(length));
                Assert.Equal(length + window.Capacity - kept, window.FullAt(length));
            }
        }
    }

    /// <summary>
    /// A slot of a prompt under way is inactive at every length, also where its next token would evict others.
    /// </summary>
    [Theory]
    [InlineData("mistral-window", 1, false)]
    [InlineData("mistral-window", 5, false)]
    [InlineData("gemma3", 5, false)]
    [InlineData("gemma3", 5, true)]
    public void Decode_InactiveSlot_KeepsItsTokens(string name, int slack, bool kernels)
    {
        using var package = new WindowPackage(name, slack);
        using var opened = new Opened(package.Sliding, kernels: kernels);
        var decoder = opened.Decoder;
        decoder.Resize(3, 128, []);
        int[] tokens = [.. Enumerable.Range(0, 120).Select(i => 3 + (i * i % 90))];
        for (var length = 0; length < tokens.Length; length++)
        {
            var alone = decoder.Prefill(Run(2, length, [tokens[length]])).ToArray();
            var beside = decoder.Prefill(Run(0, length, [tokens[length]])).ToArray();
            Assert.InRange(alone.Zip(beside, (x, y) => Math.Abs(x - y)).Max(), 0, 1e-4f);

            // Slot 1 decodes, slot 0 is inactive, and slot 2 is not of the batch.
            decoder.CopySlot(2, 1, length + 1);
            decoder.Decode(new DecodeRun { Tokens = [-1, 5], Lengths = [length + 1, length + 1] });
        }
    }

    /// <summary>Devices copy inputs as they are bound, so theirs are bound for each run, with equal results.</summary>
    [Fact]
    public void Runs_WithInputsBoundEachTime_AreThoseOfInputsBoundOnce()
    {
        using var package = new WindowPackage("mistral-window", 5);
        using var once = new Opened(package.Full);
        using var again = new Opened(package.Full, copiesInputs: true);
        foreach (var decoder in (Decoder[])[once.Decoder, again.Decoder])
        {
            decoder.Resize(2, 64, []);
        }

        int[] tokens = [5, 9, 3, 8];
        foreach (var slot in (int[])[0, 1, 0])
        {
            Assert.Equal(
                once.Decoder.Prefill(Run(slot, 0, tokens)).ToArray(),
                again.Decoder.Prefill(Run(slot, 0, tokens)).ToArray());
        }

        for (var length = 4; length < 12; length++)
        {
            DecodeRun Next() => new() { Tokens = (int[])[length, 3], Lengths = (int[])[length, length] };
            Assert.Equal(once.Decoder.Decode(Next()).ToArray(), again.Decoder.Decode(Next()).ToArray());
        }
    }

    [Fact]
    public void Prefill_FromEvictedTokens_IsRefused()
    {
        using var package = new WindowPackage("mistral-window", 5);
        using var opened = new Opened(package.Sliding);
        var decoder = opened.Decoder;
        decoder.Resize(1, 128, []);
        decoder.Prefill(Run(0, 0, Enumerable.Range(3, 20).ToArray()));

        // Windows of 8 and 5 more: at 20 tokens the first 12 are gone, at 18 the first 6 would be.
        Assert.Equal(12, decoder.FirstHeld(0));
        var error = Assert.Throws<InvalidOperationException>(() => { decoder.Prefill(Run(0, 18, [7])); });
        Assert.Equal(
            "Slot '0' cannot go on from '18' tokens: its layers with a window hold those from '12' on and would have "
            + "to hold those from '6' on.", error.Message);
    }

    [Fact]
    public void Prefill_RunThatWasEnded_LeavesNothingToRead()
    {
        using var package = new WindowPackage("mistral-window", 5);
        using var opened = new Opened(package.Sliding);
        var decoder = opened.Decoder;
        decoder.Resize(1, 128, []);
        decoder.Prefill(Run(0, 0, [3, 4, 5]));
        decoder.Terminate(true);
        Assert.Throws<OnnxRuntimeException>(() => { decoder.Prefill(Run(0, 3, [6])); });
        decoder.Terminate(false);
        Assert.Equal(int.MaxValue, decoder.FirstHeld(0));

        // Whoever has the slot next begins anew.
        decoder.Prefill(Run(0, 0, [3, 4, 5]));
        Assert.Equal(0, decoder.FirstHeld(0));
    }

    /// <summary>Bytes that are promised are those of what runs bind, where slots are longer than windows.</summary>
    [Theory]
    [InlineData("mistral-window", 3)]
    [InlineData("gemma3", 6)]
    [InlineData("gpt-oss", 2)]
    public void BytesFor_LongSlots_AreThoseOfTheBuffers(string name, int sliding)
    {
        using var package = new WindowPackage(name);
        using var opened = new Opened(package.Sliding);
        var graph = opened.Graph;
        Assert.Equal(2 * sliding, graph.Cache.Count(tensor => tensor.Window == new CacheWindow(8, 63)));
        using var cache = new KeyValueCache(graph, TensorMemory.Host);
        cache.Resize(2, 128, []);
        var bytes = 0L;
        for (var i = 0; i < graph.Cache.Count; i++)
        {
            using var view = cache.View(i, 0, 2);
            bytes += view.GetTensorMutableRawData().Length;
        }

        Assert.Equal(bytes, cache.Bytes);
        using var full = new Opened(package.Full);
        output.WriteLine(
            $"{name}: {full.Graph.Size.BytesFor(128)} bytes a slot of 128 tokens, {graph.Size.BytesFor(128)} with "
            + "windows");
        Assert.Equal(graph.Size.BytesFor(64), full.Graph.Size.BytesFor(64));
        Assert.True(graph.Size.BytesFor(128) < full.Graph.Size.BytesFor(128));
    }

    /// <summary>The sizes of Gemma 3 1B: 22 of 26 layers see 512 tokens.</summary>
    [Fact]
    public void Fitting_SizesOfGemma3_HoldsTheTokensThatItSays()
    {
        const long layer = 2 * 256 * sizeof(float);
        var full = new SequenceSize(26 * layer);
        var sliding = new SequenceSize(4 * layer, 0, 22 * layer, 575);
        output.WriteLine(
            $"8192 tokens: {full.BytesFor(8192)} and {sliding.BytesFor(8192)} bytes; in 1 GiB: {full.Fitting(1 << 30)} "
            + $"and {sliding.Fitting(1 << 30)} tokens");
        Assert.Equal(436_207_616, full.BytesFor(8192));
        Assert.Equal(93_016_064, sliding.BytesFor(8192));
        foreach (var size in (SequenceSize[])[full, sliding, new(0, 7, layer, 575), new(3, 11, 5, 64), new(5, 2)])
        {
            foreach (var bytes in (long[])[0, 6, 12, 519, 575 * layer, 1 << 20, 1 << 30, 1L << 40])
            {
                var tokens = size.Fitting(bytes);
                Assert.True(tokens == 0 || size.BytesFor(tokens) <= bytes);
                Assert.True(tokens == int.MaxValue || size.BytesFor(tokens + 1) > bytes);
            }
        }
    }

    private static PrefillRun Run(int slot, int start, int[] tokens)
        => new() { Slot = slot, Start = start, Tokens = tokens, PlannedLength = start + tokens.Length };

    private sealed class Opened : IDisposable
    {
        private readonly InferenceSession _session;

        public Opened(string folder, bool copiesInputs = false, bool kernels = true)
        {
            var package = ModelPackage.Open(folder);
            var options = new LanguageModelOptions { Threads = 1, UseKernels = kernels };
            _session = ModelSession.Open(package, options).Session;
            Graph = DecoderGraph.Read(_session, package);
            Decoder = new Decoder(
                _session, Graph, supportsInactiveSlots: kernels && KernelLibrary.IsSupported,
                copiesInputs: copiesInputs);
        }

        public DecoderGraph Graph { get; }

        public Decoder Decoder { get; }

        public void Dispose()
        {
            Decoder.Dispose();
            _session.Dispose();
        }
    }
}
