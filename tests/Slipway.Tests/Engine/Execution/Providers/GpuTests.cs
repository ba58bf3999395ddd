using System.Diagnostics;
using System.Numerics.Tensors;
using Slipway.Checkpoints;
using Slipway.Engine.Execution;
using Slipway.Engine.Execution.Providers;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Tests.Engine.Execution.Providers;

/// <summary>
/// Runs packages on a GPU where there is one (<c>tests/gpu/run</c>), or on the processor in its place.
/// </summary>
public sealed class GpuTests(ITestOutputHelper output) : IDisposable
{
    // Sums of half precision in another order, and 4-bit weights whose inputs the processor rounds.
    private const double Tolerance = 0.06;

    private static readonly bool IsStandIn = Environment.GetEnvironmentVariable("SLIPWAY_GPU_STAND_IN") == "1";

    private static readonly Lazy<string?> Missing = new(() =>
    {
        if (IsStandIn)
        {
            return null;
        }

        NativeRuntime.Require();
        return ProviderChecks.WhyNot(
            ProviderChoice.Read(new() { ExecutionProviders = ["cuda"] })[0], ProviderMachine.Instance);
    });

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Precision.Float16)]
    [InlineData(Precision.Int4)]
    public async Task Logits_OfEveryDecoder_AreTheProcessors(Precision precision)
    {
        Assert.SkipWhen(Missing.Value is not null, Missing.Value ?? "");
        string[] names = [.. DeviceGraphTests.Decoders.Select(row => row.Data.Item1).Distinct()];
        Assert.NotEmpty(names);
        foreach (var name in names)
        {
            if (TryExport(name, precision) is not { } package)
            {
                continue;
            }

            using var processor = LanguageModel.Load(package, new() { ExecutionProviders = ["cpu"] });
            using var gpu = Load(package);
            Assert.Equal(IsStandIn ? "test" : "cuda:0", gpu.ExecutionProvider);
            int[] prompt = [.. Enumerable.Range(0, 40).Select(index => 3 + (index * 7 % (gpu.VocabularySize - 4)))];
            var (expected, actual) = (await processor.ForwardAsync(prompt), await gpu.ForwardAsync(prompt));
            float[] differences = [.. Enumerable.Range(0, prompt.Length).Select(position =>
            {
                var difference = new float[gpu.VocabularySize];
                TensorPrimitives.Subtract(actual[position], expected[position], difference);
                return Math.Abs(TensorPrimitives.MaxMagnitude<float>(difference))
                    / Math.Abs(TensorPrimitives.MaxMagnitude(expected[position]));
            }).Order()];
            output.WriteLine($"{name} {precision}: {differences[differences.Length / 2]:0.0e+0}");
            Assert.InRange(differences[differences.Length / 2], 0, Tolerance);
        }
    }

    [Fact]
    public async Task Requests_Together_AnswerAsAloneAndReusePrefixes()
    {
        Assert.SkipWhen(Missing.Value is not null, Missing.Value ?? "");
        using var model = Load(TryExport("llama", Precision.Int4)!);
        int[] shared = [.. Enumerable.Range(5, 40)];
        GenerationRequest[] requests =
        [
            .. Enumerable.Range(0, 8).Select(index => new GenerationRequest
            {
                PromptIds = [.. shared, index + 3], MaxOutputTokens = 16, IgnoreEndOfSequence = true,
            }),
        ];
        var cancellationToken = TestContext.Current.CancellationToken;
        var together = await Task.WhenAll(requests.Select(request => model.CollectAsync(request, cancellationToken)));
        for (var index = 0; index < requests.Length; index++)
        {
            await AnswerAssert.IsChosenAsync(
                model, requests[index], [.. together[index].Select(token => token.Id)], 0.05);
        }

        Assert.Equal(32, (await model.CollectAsync(requests[0], cancellationToken))[^1].Usage!.CachedTokens);
    }

    [Fact]
    public async Task Speed_OnTheGpu_IsWrittenBesideTheProcessors()
    {
        Assert.SkipWhen(Missing.Value is not null, Missing.Value ?? "");
        var package = TryExport("llama", Precision.Int4)!;
        foreach (var isGpu in new[] { false, true, false, true })
        {
            using var model = isGpu
                ? Load(package) : LanguageModel.Load(package, new() { ExecutionProviders = ["cpu"] });
            var request = new GenerationRequest
            {
                PromptIds = [.. Enumerable.Range(5, 100)], MaxOutputTokens = 20, IgnoreEndOfSequence = true,
            };
            _ = await model.CollectAsync(request, TestContext.Current.CancellationToken);
            var started = Stopwatch.GetTimestamp();
            var tokens = await model.CollectAsync(request, TestContext.Current.CancellationToken);
            var rate = tokens.Count / Stopwatch.GetElapsedTime(started).TotalSeconds;
            output.WriteLine(
                $"{model.ExecutionProvider}: {rate:0} tokens/s, "
                + $"{model.KeyValueBytes} bytes of keys and values");
        }
    }

    private LanguageModel Load(string package) => IsStandIn
        ? LanguageModel.Load(
            ProcessorCopy.Make(package, _folder[$"stand-in-{Guid.NewGuid():N}"]),
            new() { Engine = new DeviceEngine(), MaxPrefillTokens = 16 })
        : LanguageModel.Load(package, new() { ExecutionProviders = ["cuda"], MaxPrefillTokens = 16 });

    private string? TryExport(string name, Precision precision)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
        try
        {
            return Exporter.Export(checkpoint, _folder[$"{name}-{precision}"], new()
            {
                Precision = precision, Devices = ["cuda"],
            }).Folder;
        }
        catch (NotSupportedException exception)
        {
            output.WriteLine($"{name}: {exception.Message}");
            return null;
        }
    }
}
