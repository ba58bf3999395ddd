using Slipway.Checkpoints;
using Slipway.Export.Tests.Definitions;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Export.Tests.Architectures;

/// <summary>Packages of fewer bits, beside float32's.</summary>
public sealed class PrecisionTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // In these random models rounding chooses other experts at most positions.
    private static readonly string[] Fickle = ["gemma4-moe", "gemma4-moe-published"];

    // Bounds are of the logits' size, at half of the positions: random weights amplify what rounding changes.
    public static TheoryData<string, Precision, double> References { get; } = Cases(
        DecoderParityTests.Names.Select(row => row.Data));

    public static TheoryData<string, Precision, double> Definitions { get; } = Cases(
        DenseModels.All.Keys.Where(name => name.Contains("head", StringComparison.Ordinal)
            || name.Contains("experts", StringComparison.Ordinal)));

    [Theory]
    [MemberData(nameof(References))]
    public Task Export_Reference_StaysNearFloat32(string name, Precision precision, double bound) =>
        CompareAsync(name, SharedAssets.Path("tiny", name), precision, bound);

    [Theory]
    [MemberData(nameof(Definitions))]
    public Task Export_HeadsOfOddSizes_StayNearFloat32(string name, Precision precision, double bound)
    {
        var definition = DenseModels.All[name];
        ReferenceModel model = new(seed: 7);
        definition.Forward(model, [1, 2]);
        model.Save(_folder["checkpoint"], definition.Config());
        return CompareAsync(name, _folder["checkpoint"], precision, bound);
    }

    /// <summary>Codes of keys and values, whose steps are those of numbers up to 4.</summary>
    [Theory]
    [InlineData("llama-head-100")]
    [InlineData("mistral-head-20-window")]
    [InlineData("gemma4-heads-24-40")]
    [InlineData("falcon-alibi-6-heads")]
    public async Task Forward_CacheOfCodes_StaysNearFloat32(string name)
    {
        var definition = DenseModels.All[name];
        ReferenceModel model = new(seed: 7);
        definition.Forward(model, [1, 2]);
        model.Save(_folder["checkpoint"], definition.Config());
        Export(_folder["checkpoint"], "full", Precision.Float32);
        using (var checkpoint = Checkpoint.Open(_folder["checkpoint"]))
        {
            Exporter.Export(checkpoint, _folder["codes"], new ExportOptions
            {
                KeyValueCache = KeyValuePrecision.Int8, KeyValueMeasurement = Show,
            });
        }

        int[] prompt = [.. Enumerable.Range(0, 40).Select(index => 3 + (index * 7 % 40))];
        using DecoderRunner full = new(_folder["full"]);
        using var codes = LanguageModel.Load(
            _folder["codes"], new LanguageModelOptions { MaxPrefillTokens = 9 });
        var logits = await codes.ForwardAsync(prompt, TestContext.Current.CancellationToken);
        var error = Median(logits.Memory.ToArray(), full.Run(prompt), prompt.Length);
        output.WriteLine($"{name}: {error:0.0e+0}");
        Assert.InRange(error, 1e-6, 0.1);
    }

    private static void Show(
        string folder, Action<string, ReadOnlySpan<float>, ReadOnlySpan<long>> observe,
        CancellationToken cancellationToken)
    {
        foreach (var port in OnnxFile.Read(Path.Combine(folder, "model.onnx")).Graph.Outputs.Skip(1))
        {
            long[] shape = [1, port.Shape[1].Size!.Value, 1, port.Shape[3].Size!.Value];
            observe(port.Name, [.. Enumerable.Repeat(4f, (int)(shape[1] * shape[3]))], shape);
        }
    }

    private static TheoryData<string, Precision, double> Cases(IEnumerable<string> names)
    {
        TheoryData<string, Precision, double> cases = [];
        foreach (var name in names)
        {
            cases.Add(name, Precision.Float16, 0.01);
            cases.Add(name, Precision.Int8, Fickle.Contains(name) ? 0.6 : 0.15);
            cases.Add(name, Precision.Int4, Fickle.Contains(name) ? 1.2 : 0.9);
        }

        return cases;
    }

    // The engine's kernels, in chunks, and ONNX Runtime alone.
    private async Task CompareAsync(string name, string source, Precision precision, double bound)
    {
        Export(source, "full", Precision.Float32);
        Export(source, "package", precision);
        int[] prompt = [.. Enumerable.Range(0, 40).Select(index => 3 + (index * 7 % 40))];
        using DecoderRunner full = new(_folder["full"]);
        var reference = full.Run(prompt);
        using DecoderRunner alone = new(_folder["package"]);
        var inRuntime = Median(alone.Run(prompt), reference, prompt.Length);

        using var model = LanguageModel.Load(
            _folder["package"], new LanguageModelOptions { MaxPrefillTokens = 9 });
        var logits = await model.ForwardAsync(prompt, TestContext.Current.CancellationToken);
        var inEngine = Median(logits.Memory.ToArray(), reference, prompt.Length);
        output.WriteLine($"{name} {precision}: {inRuntime:0.0e+0} in ONNX Runtime, {inEngine:0.0e+0} in the engine");

        // Half precision holds what a bfloat16 checkpoint has.
        var min = precision == Precision.Float16 ? 0 : 1e-6;
        Assert.InRange(inRuntime, min, bound);
        Assert.InRange(inEngine, min, bound);
    }

    private static double Median(float[] logits, float[] reference, int positions)
    {
        Assert.Equal(reference.Length, logits.Length);
        var size = reference.Length / positions;
        double[] errors =
        [
            .. logits.Chunk(size).Zip(reference.Chunk(size), (x, y) => Math.Sqrt(
                x.Zip(y, (one, other) => (double)(one - other) * (one - other)).Sum()
                / y.Sum(value => (double)value * value))).Order(),
        ];
        return errors[positions / 2];
    }

    private void Export(string source, string package, Precision precision)
    {
        using var checkpoint = Checkpoint.Open(source);
        Exporter.Export(checkpoint, _folder[package], new ExportOptions { Precision = precision });
    }
}
