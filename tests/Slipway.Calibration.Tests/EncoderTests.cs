using System.Numerics.Tensors;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Calibration.Tests;

/// <summary>Quantizes encoders by methods that see them run.</summary>
public sealed class EncoderTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("weighted")]
    [InlineData("gptq")]
    public async Task Export_SentenceModelOverAText_GivesEmbeddingsNearerThanWithoutOne(string method)
    {
        Export("single", new ExportOptions());
        Export("plain", new ExportOptions { Precision = Precision.Int4, Method = "search" });
        var report = Export("calibrated", new ExportOptions
        {
            Precision = Precision.Int4, Method = method, Calibration = Calibration(Text),
        });
        Assert.Equal(method, report.Manifest.Quantization!.Method);
        Assert.DoesNotContain(report.Warnings, warning => warning.Contains("random", StringComparison.Ordinal));

        var (plain, calibrated) = (await CosineAsync("plain"), await CosineAsync("calibrated"));

        output.WriteLine($"{method}: cosine with float32 {calibrated:0.00000}, search {plain:0.00000}");
        Assert.InRange(calibrated, plain, 1);
    }

    [Theory]
    [InlineData("bert-classifier")]
    [InlineData("bert-mlm")]
    [InlineData("modernbert-classifier")]
    [InlineData("xlm-roberta")]
    public void Export_WithoutAText_SaysThatTokensAreRandom(string model)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", model));
        var report = Exporter.Export(checkpoint, _folder[model], new ExportOptions
        {
            Precision = Precision.Int4, Method = "fitted", Calibration = Calibration(null),
        });

        Assert.EndsWith(
            "is an encoder and writes no text: it was calibrated over 24 texts of random tokens. A text like those "
            + "that it will read ('--calibration FILE') says more.",
            Assert.Single(report.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Export_NoMethodNamedAndNoText_NeedsNone()
    {
        var report = Export("plain", new ExportOptions
        {
            Precision = Precision.Int4, Calibration = Calibration(null),
        });

        Assert.Equal("search", report.Manifest.Quantization!.Method);
        Assert.Empty(report.Warnings);
    }

    [Theory]
    [InlineData(Precision.Int4, null)]
    [InlineData(Precision.Int4, "gptq")]
    [InlineData(Precision.Int8, null)]
    [InlineData(Precision.Float16, null)]
    public async Task Quantize_PackageOfAnEncoder_IsAsTheExportOfItsCheckpoint(Precision precision, string? method)
    {
        Export("single", new ExportOptions());
        var calibration = method is null ? null : Calibration(Text);
        var exported = Export("exported", new ExportOptions
        {
            Precision = precision, Method = method, Calibration = calibration,
        });
        var quantized = PackageQuantizer.Quantize(_folder["single"], _folder["quantized"], new QuantizeOptions
        {
            Precision = precision, Method = method, Calibration = calibration,
        });

        Assert.Equal(exported.Manifest.Quantization, quantized.Manifest.Quantization);
        Assert.Equal(
            exported.Manifest.Files.Select(file => file.Name).Order(),
            quantized.Manifest.Files.Select(file => file.Name).Order());
        var (one, other) = (await CosineAsync("exported"), await CosineAsync("quantized"));
        output.WriteLine(
            $"{precision} {method}: cosine with float32 {one:0.000000} exported, {other:0.000000} quantized");
        Assert.Equal(one, other, 1e-6);
    }

    [Fact]
    public void Quantize_MethodUnnamedOverAText_ExpectsNoDivergenceOfLogitsThatAreNotThere()
    {
        var report = Export("free", new ExportOptions
        {
            Precision = Precision.Int4, Calibration = Calibration(Text),
        });
        Assert.NotNull(report.Manifest.Quantization!.BitsPerWeight);
        Assert.Null(report.Manifest.Quantization.ExpectedDivergence);
    }

    private static string Text => File.ReadAllText(SharedAssets.Path("wikitext-2", "valid.txt"))[..60_000];

    private async Task<double> CosineAsync(string package)
    {
        string[] texts = [.. Text.Split('\n').Where(line => line.Length > 80).Take(24)];
        using var model = new OnnxEmbeddingGenerator(_folder[package]);
        using var single = new OnnxEmbeddingGenerator(_folder["single"]);
        var given = await model.GenerateAsync(texts, null, TestContext.Current.CancellationToken);
        var expected = await single.GenerateAsync(texts, null, TestContext.Current.CancellationToken);
        return given.Zip(expected).Average(pair =>
            (double)TensorPrimitives.CosineSimilarity(pair.First.Vector.Span, pair.Second.Vector.Span));
    }

    private ExportReport Export(string target, ExportOptions options)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("all-minilm-l6-v2"));
        return Exporter.Export(checkpoint, _folder[target], options);
    }

    private static ModelCalibration Calibration(string? text) => new(new CalibrationOptions
    {
        Texts = 24, TokensPerText = 64, Text = text,
    });
}
