using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Tests.Engine.Windows;

/// <summary>A small model with windows, with caches of their size and with caches of the whole sequence.</summary>
internal sealed class WindowPackage : IDisposable
{
    private const int MaxInt4 = 7;

    private readonly TemporaryFolder _folder = new();

    /// <param name="model">The model's folder among the tiny ones.</param>
    /// <param name="slack">Tokens beyond the window that layers keep; null for what the exporter chooses.</param>
    /// <param name="cache">How keys and values are kept.</param>
    public WindowPackage(string model, int? slack = null, KeyValuePrecision cache = KeyValuePrecision.Float32)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", model));
        var options = new ExportOptions
        {
            KeyValueCache = cache,
            KeyValueMeasurement = (path, observe, _) =>
                Measure(path, observe, cache == KeyValuePrecision.Int4 ? 4f * sbyte.MaxValue / MaxInt4 : 4),
        };
        Exporter.Export(checkpoint, Sliding, options);
        Exporter.Export(checkpoint, Full, options with { SlidingWindowCache = false });
        if (slack is { } tokens)
        {
            var path = Path.Combine(Sliding, ModelPackage.ConfigFile);
            var config = JsonNode.Parse(File.ReadAllText(path))!;
            config["model"]!["decoder"]!["sliding_window"]!["cache_slack"] = tokens;
            File.WriteAllText(path, config.ToJsonString());

            // The manifest would find the change, and without it nothing says which graph is the kernels'.
            path = Path.Combine(Sliding, ModelPackage.ManifestFile);
            var manifest = JsonNode.Parse(File.ReadAllText(path))!;
            manifest["files"] = new JsonArray();
            File.WriteAllText(path, manifest.ToJsonString());
        }
    }

    public string Sliding => _folder["sliding"];

    public string Full => _folder["full"];

    public void Dispose() => _folder.Dispose();

    // The same scales for both. Codes of 8 bits stand for int4 outside the kernels; here in steps as wide as 4 bits
    // have, so that sums in another order hardly ever turn one to the next.
    private static void Measure(
        string path, Action<string, ReadOnlySpan<float>, ReadOnlySpan<long>> observe, float range)
    {
        var decoder = ModelPackage.Open(path).Config.Model.Decoder;
        var channels = new float[decoder.NumKeyValueHeads * decoder.HeadSize];
        Array.Fill(channels, range);
        for (var layer = 0; layer < decoder.NumHiddenLayers; layer++)
        {
            observe($"present.{layer}.key", channels, [1, decoder.NumKeyValueHeads, 1, decoder.HeadSize]);
            observe($"present.{layer}.value", channels, [1, decoder.NumKeyValueHeads, 1, decoder.HeadSize]);
        }
    }
}
