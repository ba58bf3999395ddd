using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Packaging;
using Slipway.Testing;
using Slipway.Tests.Engine.Execution.Providers;
using Slipway.Tests.Engine.Load;
using Slipway.Tests.Engine.Windows;

namespace Slipway.Tests.Engine.Execution;

/// <summary>Keeps keys, values and states in a device's memory, for which the processor stands.</summary>
public sealed class DeviceMemoryTests(ITestOutputHelper output) : IDisposable
{
    private const int Tokens = 12;

    // Logits of half precision, beside those of single precision.
    private const double Margin = 0.05;
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// One after the other answers are the same; the slot is reused, restored from prefixes and grown meanwhile.
    /// </summary>
    [Theory]
    [InlineData("llama", "all-linear", "attention")]
    [InlineData("granite-hybrid")]
    [InlineData("qwen3.5")]
    [InlineData("gemma3")]
    public async Task Answers_OneAfterTheOther_AreThoseOfTheProcessorsMemory(string model, params string[] adapters)
    {
        using var package = new LoadPackage(model, adapters);
        var engine = new DeviceEngine();
        using var plain = LanguageModel.Load(package.Folder, Options(null));
        using var device = LanguageModel.Load(package.Folder, Options(engine));
        foreach (var chosen in LoadCase.Draw(new Random(29), 12, package.Adapters))
        {
            var request = chosen.Request(Tokens);
            var (expected, actual) = (
                await plain.CollectAsync(request, Token), await device.CollectAsync(request, Token));
            Assert.Equal(expected.Select(token => token.Id), actual.Select(token => token.Id));
            Assert.Equal(expected[^1].Usage!.CachedTokens, actual[^1].Usage!.CachedTokens);
        }

        output.WriteLine($"{model}: {engine.Copies} copies");
        Assert.NotEqual(0, engine.Copies);
    }

    /// <summary>The graph for GPUs: adapters, guidance, prefixes, chunks and batches together.</summary>
    [Fact]
    public async Task Answers_OfTheGraphForGpus_AreChosenAsByTheProcessorsGraph()
    {
        using var package = new LoadPackage("llama", ["all-linear", "attention"], ["cuda"]);
        var half = ProcessorCopy.Make(package.Folder, _folder["half"]);
        using var plain = LanguageModel.Load(package.Folder, Options(null));
        using var device = LanguageModel.Load(half, Options(new DeviceEngine()));
        Assert.Equal(plain.Size.TokenBytes, 2 * device.Size.TokenBytes);
        Assert.Equal(["all-linear", "attention"], device.Adapters);
        LoadCase[] cases = [.. LoadCase.Draw(new Random(5), 24, package.Adapters)
            .Where(one => one.Chosen != LoadCase.Choice.Sampled)];
        Assert.Contains(cases, one => one.Chosen == LoadCase.Choice.Guided);
        Assert.Contains(cases, one => one.Adapter == "attention");
        var answers = await Task.WhenAll(cases.Select(one => device.CollectAsync(one.Request(Tokens), Token)));
        foreach (var (one, answer) in cases.Zip(answers))
        {
            int[] ids = [.. answer.Select(token => token.Id)];
            if (one.Chosen == LoadCase.Choice.Greedy)
            {
                Assert.Equal(Tokens, ids.Length);
                await AnswerAssert.IsChosenAsync(plain, one.Request(Tokens), ids, Margin);
            }
            else
            {
                var expected = await plain.CollectAsync(one.Request(Tokens), Token);
                Assert.Equal(expected.Select(token => token.Text), answer.Select(token => token.Text));
            }
        }

        var again = cases.First(one => one.Prompt.Length > 48 && one.Chosen == LoadCase.Choice.Greedy).Request(2);
        _ = await device.CollectAsync(again, Token);
        Assert.InRange((await device.CollectAsync(again, Token))[^1].Usage!.CachedTokens, 16, again.PromptIds.Count);
    }

    /// <summary>Windows evict in place; a slot that runs along gets its last token back by copies.</summary>
    [Fact]
    public void Slots_WithWindows_AreThoseOfTheProcessorsMemory()
    {
        using var package = new WindowPackage("mistral-window", 5);
        using var host = new Opened(package.Sliding, inDevice: false);
        using var device = new Opened(package.Sliding, inDevice: true);
        List<float[]> Logits(Decoder decoder)
        {
            List<float[]> logits = [];
            decoder.Resize(2, 32, []);
            logits.Add(decoder.Prefill(Run(0, 0, [.. Enumerable.Range(3, 20)])).ToArray());
            decoder.Resize(3, 64, [20, 0]);
            decoder.CopySlot(0, 1, 20);
            for (var length = 20; length < 40; length++)
            {
                logits.Add(decoder.Decode(new()
                {
                    Tokens = (int[])[length, length % 3 == 0 ? -1 : 5], Lengths = (int[])[length, 20],
                })[..logits[0].Length].ToArray());
                logits.Add(decoder.Prefill(Run(1, 20, [7])).ToArray());
                decoder.CopySlot(0, 1, 20);
                decoder.Prefill(Run(1, 0, [.. Enumerable.Range(3, 20)]));
            }

            return logits;
        }

        Assert.Equal(Logits(host.Decoder), Logits(device.Decoder));
    }

    [Fact]
    public void Allocate_IsZeroedAndBounded()
    {
        using var package = new WindowPackage("mistral-window", 5);
        using var opened = new Opened(package.Full, inDevice: false);
        using var places = opened.Session.GetMemoryInfosForInputs();
        using var memory = new DeviceMemory(
            opened.Session, places[0],
            (source, target) => source.GetTensorMutableRawData().CopyTo(target.GetTensorMutableRawData()));
        foreach (var bytes in (int[])[1, 1 << 16, (1 << 16) + 1, 1_000_003])
        {
            // What was freed may come again, and was not zeros.
            var dirty = Enumerable.Repeat((byte)7, bytes).ToArray();
            using (var first = memory.Allocate(bytes))
            {
                first.Write(0, dirty);
                first.Clear(0, bytes / 2);
                first.Read(0, dirty);
                Assert.Equal((bytes / 2, bytes - (bytes / 2)), (dirty.Count(b => b == 0), dirty.Count(b => b == 7)));
            }

            using var second = memory.Allocate(bytes);
            second.Read(0, dirty);
            Assert.True(dirty.All(value => value == 0));
            Assert.Throws<ArgumentOutOfRangeException>(() => second.Write(1, dirty));
        }

        Assert.Contains(
            "'4294967296' bytes", Assert.Throws<InsufficientMemoryException>(() => memory.Allocate(1L << 32)).Message,
            StringComparison.Ordinal);
    }

    // A package of the tests is too small for a cache that grows otherwise.
    private static LanguageModelOptions Options(LanguageModelEngine? engine) => new()
    {
        Engine = engine, UseKernels = false, MaxPrefillTokens = 16, MaxBatchSize = 4, Threads = 1,
    };

    private static PrefillRun Run(int slot, int start, int[] tokens)
        => new() { Slot = slot, Start = start, Tokens = tokens, PlannedLength = start + tokens.Length };

    private sealed class Opened : IDisposable
    {
        private readonly OpenedDecoder _opened;

        public Opened(string folder, bool inDevice)
            => _opened = (inDevice ? new DeviceEngine() : (LanguageModelEngine)OnnxRuntimeEngine.Instance).Open(
                ModelPackage.Open(folder), new() { Threads = 1, UseKernels = false });

        public Decoder Decoder => (Decoder)_opened.Decoder;

        public InferenceSession Session => _opened.Graph!.Value.Session;

        public void Dispose()
        {
            Decoder.Dispose();
            _opened.Dispose();
        }
    }
}
