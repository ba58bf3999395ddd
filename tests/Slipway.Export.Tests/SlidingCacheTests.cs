using Slipway.Checkpoints;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Export.Tests;

public sealed class SlidingCacheTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("mistral-window", new[] { 0, 1, 2 })]
    [InlineData("gemma2", new[] { 0, 2 })]
    [InlineData("gemma3", new[] { 0, 1, 2, 3, 4, 6 })]
    [InlineData("gpt-oss", new[] { 0, 2 })]
    public void Export_LayersWithAWindow_KeepTheirLastTokensAndGiveTheSameLogits(string name, int[] layers)
    {
        var (window, nodes) = Export(name, "sliding", new ExportOptions());
        Assert.Equal((8, 63, layers.Length), (window!.WindowSize, window.CacheSlack, nodes));
        Assert.Equal(layers, window.Layers);
        Assert.Equal((false, false), (window.SlideKeyValueCache, window.SlideInputs));
        Assert.Equal((null, 0), Export(name, "full", new ExportOptions { SlidingWindowCache = false }));

        int[] ids = [.. Enumerable.Range(0, 128).Select(i => 3 + (i * i % 90))];
        float max = 0;
        foreach (var chunk in (int[])[1, 7, 50, 128])
        {
            using DecoderRunner full = new(_folder["full"]), sliding = new(_folder["sliding"]);
            foreach (var part in ids.Chunk(chunk))
            {
                max = Math.Max(max, full.Run(part).Zip(sliding.Run(part), (x, y) => Math.Abs(x - y)).Max());
            }
        }

        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-5f);
    }

    [Theory]
    [InlineData("llama", null, KeyValuePrecision.Float32)] // No layer has a window.
    [InlineData("gemma3", 71, KeyValuePrecision.Float32)] // The caches would be as long as the context.
    public void Export_NothingToGain_KeepsCachesOfTheWholeSequence(string name, int? context, KeyValuePrecision cache)
        => Assert.Equal((null, 0), Export(name, "package", new ExportOptions
        {
            ContextLength = context, KeyValueCache = cache, KeyValueMeasurement = Measure,
        }));

    [Fact]
    public void Export_CodesOfKeysAndValues_SlideToo() => Assert.Equal(6, Export("gemma3", "package", new ExportOptions
    {
        KeyValueCache = KeyValuePrecision.Int4, KeyValueMeasurement = Measure,
    }).Nodes);

    private (GenAISlidingWindow? Window, int Nodes) Export(string name, string folder, ExportOptions options)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
        Exporter.Export(checkpoint, _folder[folder], options);
        var package = ModelPackage.Open(_folder[folder]);
        var graph = OnnxFile.Read(package.ModelPath).Graph;
        var ports = graph.Inputs.Concat(graph.Outputs)
            .Count(port => port.Shape.Any(dimension => dimension.Name is "past_sliding" or "present_sliding"));
        var nodes = graph.Nodes.Count(node => node.Attributes.OfType<NodeAttribute.Int>()
            .Any(attribute => attribute is { Name: "sliding_window_cache", Value: 1 }));
        Assert.Equal(4 * nodes, ports);
        return (package.Config.Model.Decoder.SlidingWindow, nodes);
    }

    private static void Measure(
        string path, Action<string, ReadOnlySpan<float>, ReadOnlySpan<long>> observe,
        CancellationToken cancellationToken)
    {
        var decoder = ModelPackage.Open(path).Config.Model.Decoder;
        float[] channels = [.. Enumerable.Repeat(4f, decoder.NumKeyValueHeads * decoder.HeadSize)];
        for (var layer = 0; layer < decoder.NumHiddenLayers; layer++)
        {
            observe($"present.{layer}.key", channels, [1, decoder.NumKeyValueHeads, 1, decoder.HeadSize]);
            observe($"present.{layer}.value", channels, [1, decoder.NumKeyValueHeads, 1, decoder.HeadSize]);
        }
    }
}
