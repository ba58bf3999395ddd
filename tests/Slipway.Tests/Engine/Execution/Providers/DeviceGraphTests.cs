using System.Numerics.Tensors;
using Slipway.Checkpoints;
using Slipway.Engine.Execution;
using Slipway.Export;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Tests.Engine.Execution.Providers;

/// <summary>Runs the graphs that packages have for GPUs on the processor, in half precision.</summary>
public sealed class DeviceGraphTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string[] Stateful = ["granite-hybrid", "granite-hybrid-moe", "qwen3.5"];

    // Half precision has 11 bits; the largest of 25 models is 2e-3.
    private const double Tolerance = 5e-3;

    // ONNX Runtime's kernel of 4-bit weights rounds its inputs to 8 bits in single precision, and not in half.
    private const double RoundedTolerance = 0.06;

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, Precision> Decoders
    {
        get
        {
            var data = new TheoryData<string, Precision>();
            var tiny = SharedAssets.Path("tiny");
            string[] folders = Directory.Exists(tiny) ? [.. Directory.EnumerateDirectories(tiny).Order()] : [];
            foreach (var folder in folders)
            {
                using var checkpoint = TryOpen(folder);
                if (checkpoint is not null && IsDecoder(checkpoint))
                {
                    data.Add(Path.GetFileName(folder), Precision.Float32);
                    data.Add(Path.GetFileName(folder), Precision.Int4);
                }
            }

            return data;
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Decoders))]
    public async Task Graph_ForGpus_GivesTheLogitsOfTheProcessorsOrIsRefusedByItsOperators(
        string name, Precision precision)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
        string package;
        try
        {
            package = Exporter.Export(checkpoint, _folder["package"], new()
            {
                Precision = precision, Devices = ["cuda"],
            }).Folder;
        }
        catch (NotSupportedException exception)
        {
            output.WriteLine($"{name}: {exception.Message}");
            Assert.StartsWith("'cuda' has no kernels for '", exception.Message, StringComparison.Ordinal);
            Assert.False(Directory.Exists(_folder["package"]));
            return;
        }

        Assert.DoesNotContain(name, Stateful);
        using var plain = LanguageModel.Load(package, new() { UseKernels = false });
        using var half = LanguageModel.Load(ForProcessor(package), new() { UseKernels = false });
        var prompt = Enumerable.Range(0, 40).Select(index => 3 + (index * 7 % (plain.VocabularySize - 4))).ToArray();
        var (expected, actual) = (await plain.ForwardAsync(prompt), await half.ForwardAsync(prompt));
        float[] differences = [.. Enumerable.Range(0, prompt.Length).Select(position =>
        {
            var difference = new float[plain.VocabularySize];
            TensorPrimitives.Subtract(actual[position], expected[position], difference);
            return Math.Abs(TensorPrimitives.MaxMagnitude<float>(difference))
                / Math.Abs(TensorPrimitives.MaxMagnitude(expected[position]));
        }).Order()];

        // A tie between a mixture's experts may fall otherwise at single positions, so the median counts.
        var median = differences[differences.Length / 2];
        output.WriteLine(
            $"{name} {precision}: {median:0.0e+0} of the largest logit, at worst {differences[^1]:0.0e+0}");
        Assert.InRange(median, 0, precision == Precision.Float32 ? Tolerance : RoundedTolerance);

        // Keys and values are in half precision: a token takes half as many bytes.
        Assert.Equal(plain.Size.TokenBytes, 2 * half.Size.TokenBytes);
    }

    [Fact]
    public async Task Graph_ForGpus_BatchesChunksAndReusesPrefixesThroughTheSameEngine()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        var package = Exporter.Export(checkpoint, _folder["package"], new() { Devices = ["cuda", "cpu"] }).Folder;
        using var model = LanguageModel.Load(
            ForProcessor(package), new() { UseKernels = false, MaxPrefillTokens = 16, MaxBatchSize = 4 });
        int[] shared = [.. Enumerable.Range(5, 40)];
        GenerationRequest[] requests =
        [
            .. Enumerable.Range(0, 4).Select(index => new GenerationRequest
            {
                PromptIds = [.. shared, index + 3], MaxOutputTokens = 8, IgnoreEndOfSequence = true,
            }),
        ];
        var cancellationToken = TestContext.Current.CancellationToken;
        var together = await Task.WhenAll(requests.Select(request => model.CollectAsync(request, cancellationToken)));
        for (var index = 0; index < requests.Length; index++)
        {
            await AnswerAssert.IsChosenAsync(
                model, requests[index], [.. together[index].Select(token => token.Id)], 0.05);
        }

        var again = await model.CollectAsync(requests[0], cancellationToken);
        Assert.Equal(32, again[^1].Usage!.CachedTokens);
    }

    [Fact]
    public void Package_WithAGraphForGpus_RunsItThereAndItsOwnElsewhere()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        var package = ModelPackage.Open(
            Exporter.Export(checkpoint, _folder["package"], new() { Precision = Precision.Int4, Devices = ["cuda"] })
                .Folder);

        Assert.Equal(["cpu", "cuda"], package.Manifest!.Variants!.Select(variant => variant.Provider));
        var failure = Assert.Throws<NotSupportedException>(() => ModelSession.Open(
            package, new() { ExecutionProviders = ["cuda"] }, new PlainMachine { Found = ["A"] }));
        Assert.Contains(
            $"'cuda:0' does not take '{Path.Combine(package.Path, "gpu.onnx")}'", failure.Message,
            StringComparison.Ordinal);
        Assert.Contains("has no graph for 'directml'", Assert.Throws<NotSupportedException>(() => ModelSession.Open(
            package, new() { ExecutionProviders = ["directml"] }, new PlainMachine { Found = ["A"] })).Message,
            StringComparison.Ordinal);
        using var model = LanguageModel.Load(package.Path);
        Assert.Equal("cpu", model.ExecutionProvider);

        // The codes stand in the package once; what is stored anew is norms and tables of angles.
        var files = package.ListFiles();
        Assert.InRange(files["gpu.onnx.data"], 1, files["model.onnx.data"]);
    }

    [Fact]
    public void Devices_ThatAreNone_OrHaveNoKernels_AreNamed()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        var failure = Assert.Throws<ArgumentException>(
            () => Exporter.Export(checkpoint, _folder["package"], new() { Devices = ["gpu"] }));
        Assert.StartsWith(
            "There is no device 'gpu' to write a graph for. Choose one of 'cpu', 'cuda' and 'directml'.",
            failure.Message, StringComparison.Ordinal);
        var refused = Assert.Throws<NotSupportedException>(() => Exporter.Export(
            checkpoint, _folder["package"], new() { Precision = Precision.Int4, Devices = ["directml"] }));
        Assert.StartsWith(
            "'directml' has no kernels for 'com.microsoft.GatherBlockQuantized' ('", refused.Message,
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["package"]));
        var half = Exporter.Export(
            checkpoint, _folder["package"], new() { Precision = Precision.Float16, Devices = ["directml", "cuda"] });
        Assert.Equal(["cpu", "cuda", "directml"], half.Manifest.Variants!.Select(variant => variant.Provider));
    }

    [Fact]
    public void Devices_WithoutKernelsForTables_AreRefusedBeforeWeightsAreMeasured()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        ExportOptions options = new()
        {
            Precision = Precision.Int4, Method = "gptq", Calibration = new NoCalibration(), Devices = ["directml"],
        };
        var refused = Assert.Throws<NotSupportedException>(
            () => Exporter.Export(checkpoint, _folder["package"], options));
        Assert.StartsWith(
            "'directml' has no kernels for 'com.microsoft.GatherBlockQuantized' ('", refused.Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(
            () => Exporter.Export(checkpoint, _folder["package"], options with { Devices = ["cuda"] }));
    }

    [Fact]
    public void Quantize_OfAPackageForGpus_WritesTheirGraphAnew()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        var source = Exporter.Export(checkpoint, _folder["package"], new() { Devices = ["cuda"] }).Folder;
        var report = PackageQuantizer.Quantize(
            source, _folder["int4"], new QuantizeOptions { Precision = Precision.Int4 });

        Assert.Equal(["cpu", "cuda"], report.Manifest.Variants!.Select(variant => variant.Provider));
        using var model = LanguageModel.Load(ForProcessor(report.Folder), new() { UseKernels = false });
        Assert.True(
            new FileInfo(Path.Combine(report.Folder, "gpu.onnx.data")).Length
                < new FileInfo(Path.Combine(source, "gpu.onnx.data")).Length);
    }

    private string ForProcessor(string package)
        => ProcessorCopy.Make(package, _folder[$"processor-{Guid.NewGuid():N}"]);

    private static Checkpoint? TryOpen(string folder)
    {
        try
        {
            return Checkpoint.Open(folder);
        }
        catch (Exception exception) when (exception is CheckpointException or IOException or NotSupportedException)
        {
            return null;
        }
    }

    private static bool IsDecoder(Checkpoint checkpoint)
        => checkpoint.Config["architectures"]?[0]?.GetValue<string>() is { } name
            && name.EndsWith("ForCausalLM", StringComparison.Ordinal) && Exporter.Architectures.Contains(name);

    private sealed class NoCalibration : ICalibration
    {
        public bool HasText => true;

        public void Run(CalibrationRun run, CancellationToken cancellationToken)
            => throw new InvalidOperationException("It was run.");

        public IReadOnlyList<double> MeasureDivergence(DivergenceRun run, CancellationToken cancellationToken)
            => throw new InvalidOperationException("It was run.");
    }
}
