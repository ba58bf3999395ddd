using System.Runtime.InteropServices;
using Slipway.Checkpoints;
using Slipway.Export.Passes;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Export.Tests.Quantization;

public sealed class QuantizedCacheTests : IDisposable
{
    private const int Layers = 3, Heads = 2, Size = 16, Positions = 5;
    private const double Theta = 500000;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(KeyValuePrecision.Int8)]
    [InlineData(KeyValuePrecision.Int4)]
    public void Export_MeasuredRanges_AreTheScalesOfEachChannel(KeyValuePrecision precision)
    {
        const int highest = 127;
        var graph = Export(precision, Show);
        GraphPort[] cache = [.. graph.Inputs.Where(port => port.Name.StartsWith("past", StringComparison.Ordinal)),
            .. graph.Outputs.Where(port => port.Name.StartsWith("present", StringComparison.Ordinal))];
        Assert.Equal(4 * Layers, cache.Length);
        Assert.All(cache, port => Assert.Equal((ElementType.Int8, Size), (port.Type, (int)port.Shape[3].Size!.Value)));
        Assert.Equal(
            Layers, graph.Nodes.Count(node => node.OpType == "GroupQueryAttention" && node.Inputs.Count == 14));

        // Values: the largest of each channel, and a tenth more. Keys: what pairs come to that turn over all positions.
        float[] values = Scales(graph, "past_key_values.1.value_scale"),
            keys = Scales(graph, "past_key_values.1.key_scale");
        for (var i = 0; i < Heads * Size; i++)
        {
            var partner = (i + (Size / 2)) % Size + (i / Size * Size);
            Assert.Equal(1.1f * Max(i) / highest, values[i], 1e-5f);
            var turned = Math.Min(Math.PI / 2, Positions * Math.Pow(Theta, -(i % (Size / 2)) / (Size / 2.0)));
            var reach = Math.Min(
                float.Hypot(Max(i), Max(partner)), Max(i) + (Max(partner) * (float)Math.Sin(turned)));
            Assert.Equal(1.1f * reach / highest, keys[i], 1e-5f * reach / highest);
        }
    }

    [Fact]
    public void Export_Int4_KernelsKeepARowAndItsScales()
    {
        Export(KeyValuePrecision.Int4, Show);
        var cache = Cache("kernels.onnx");
        Assert.Equal(4 * Layers, cache.Length);
        Assert.All(cache, port => Assert.Equal(
            (ElementType.UInt8, (Size / 2) + 4), (port.Type, (int)port.Shape[3].Size!.Value)));
        Assert.Equal(
            Layers, OnnxFile.Read(Path.Combine(_folder["package"], "kernels.onnx")).Graph.Nodes
                .Count(node => node.OpType == "GroupQueryAttentionInt4"));
    }

    /// <summary>Kernels keep half precision unless told; the graph for other runtimes stays as it is.</summary>
    [Theory]
    [InlineData(Precision.Float32, null, false)]
    [InlineData(Precision.Float32, KeyValuePrecision.Float16, true)]
    [InlineData(Precision.Int4, null, true)]
    [InlineData(Precision.Int4, KeyValuePrecision.Float32, false)]
    [InlineData(Precision.Int8, null, true)]
    public void Export_UnlessTold_KeepsHalvesBesideFewerBits(
        Precision precision, KeyValuePrecision? asked, bool halves)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        var report = Exporter.Export(
            checkpoint, _folder["package"], new ExportOptions { Precision = precision, KeyValueCache = asked });
        Assert.Equal(halves ? "fp16" : null, report.Manifest.KeyValueCache);
        Assert.All(Cache("model.onnx"), port => Assert.Equal(ElementType.Float32, port.Type));
        Assert.All(
            Cache("kernels.onnx"),
            port => Assert.Equal(halves ? ElementType.Float16 : ElementType.Float32, port.Type));
    }

    /// <summary>What several layers read stays in single precision for all of them.</summary>
    [Fact]
    public void Convert_KeysThatAnotherNodeReads_StayFloat()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        Exporter.Export(checkpoint, _folder["package"], new ExportOptions { Precision = Precision.Int4 });
        var graph = OnnxFile.Read(Path.Combine(_folder["package"], "model.onnx")).Graph;
        graph.AddNode(new Node("reader", "", "Identity", ["present.1.key"], ["read"], []));
        graph.AddOutput(new GraphValue("read"), ElementType.Float32, 1, Heads, "length", Size);
        var kernels = KernelGraph.Convert(graph, KeyValuePrecision.Float16)!;
        Assert.Equal(
            [ElementType.Float16, ElementType.Float32, ElementType.Float16],
            Enumerable.Range(0, Layers).Select(layer =>
                kernels.Inputs.Single(port => port.Name == $"past_key_values.{layer}.key").Type));
        Assert.Equal(ElementType.Float32, kernels.Outputs.Single(port => port.Name == "present.1.value").Type);
    }

    private GraphPort[] Cache(string file)
    {
        var graph = OnnxFile.Read(Path.Combine(_folder["package"], file)).Graph;
        return
        [
            .. graph.Inputs.Concat(graph.Outputs).Where(port => port.Name.StartsWith("past", StringComparison.Ordinal)
                || port.Name.StartsWith("present", StringComparison.Ordinal)),
        ];
    }

    [Fact]
    public void Export_ChannelsThatAreZero_HaveScalesAboveZero()
    {
        var graph = Export(KeyValuePrecision.Int8,
            (_, observe, _) => Each(name => observe(name, new float[Heads * Size], [1, Heads, 1, Size])));
        Assert.All(Scales(graph, "past_key_values.0.key_scale"), scale => Assert.True(scale > 0));
    }

    [Fact]
    public void Export_OutputThatWasNotShown_IsNamed()
    {
        var error = Assert.Throws<ArgumentException>(
            () => Export(KeyValuePrecision.Int8, (_, _, _) => { }));
        Assert.StartsWith(
            "The measurement did not show 'present.0.key'. Show every output of keys and values.", error.Message,
            StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Export_NoNumber_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Export(
            KeyValuePrecision.Int8,
            (_, observe, _) => Each(name => observe(name, [float.PositiveInfinity], [1, 1, 1, 1]))));
        Assert.StartsWith(
            "The measurement showed an element of 'present.0.key' that is no finite number. Keep keys and values in "
            + "'fp32'.",
            error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_WrongShape_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Export(
            KeyValuePrecision.Int8, (_, observe, _) => observe("present.0.key", new float[5], [1, 2, 1, 3])));
        Assert.StartsWith(
            "'present.0.key' has '5' elements in the shape [1, 2, 1, 3]; expected rows, heads, length and head size.",
            error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_NoMeasurement_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Export(KeyValuePrecision.Int8, null));
        Assert.StartsWith(
            "Keys and values in 'int8' need scales that are measured. Set KeyValueMeasurement, or use 'slipway export "
            + "--kv-cache int8'.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_Encoder_IsRefused()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "bert"));
        var error = Assert.Throws<NotSupportedException>(() => Exporter.Export(
            checkpoint, _folder["package"],
            new ExportOptions { KeyValueCache = KeyValuePrecision.Int8, KeyValueMeasurement = Show }));
        Assert.EndsWith(
            "is an encoder and keeps no keys and values, so they cannot be 'int8'. Leave KeyValueCache at 'fp32'.",
            error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_NameThatIsUnknown_ListsThoseThatThereAre()
    {
        Assert.Equal(KeyValuePrecision.Float16, KeyValuePrecisions.Find("fp16"));
        Assert.Equal(KeyValuePrecision.Int4, KeyValuePrecisions.Find("INT4"));
        var error = Assert.Throws<ArgumentException>(() => KeyValuePrecisions.Find("int3"));
        Assert.StartsWith(
            "Keys and values cannot be kept in 'int3'. Choose one of 'fp32', 'fp16', 'int8',"
            + " 'int4'.", error.Message,
            StringComparison.Ordinal);
    }

    private Graph Export(KeyValuePrecision precision, KeyValueMeasurement? measurement)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        Exporter.Export(
            checkpoint, _folder["package"],
            new ExportOptions
            {
                KeyValueCache = precision, KeyValueMeasurement = measurement, ContextLength = Positions,
            });
        return OnnxFile.Read(Path.Combine(_folder["package"], "model.onnx")).Graph;
    }

    // Two rows of three tokens; of each channel one token has the largest size, with either sign.
    private static void Show(
        string folder, Action<string, ReadOnlySpan<float>, ReadOnlySpan<long>> observe,
        CancellationToken cancellationToken)
    {
        Assert.True(File.Exists(Path.Combine(folder, "model.onnx.data")));
        Each(name =>
        {
            var values = new float[2 * Heads * 3 * Size];
            for (var i = 0; i < values.Length; i++)
            {
                int channel = (i / (3 * Size) % Heads * Size) + (i % Size), token = i / Size % 3;
                values[i] = Max(channel) * (token == channel % 3 ? (i % 2 == 0 ? -1 : 1) : 0.5f);
            }

            observe(name, values, [2, Heads, 3, Size]);
        });
    }

    private static float Max(int channel) => 0.5f + (channel % 7);

    private static void Each(Action<string> show)
    {
        for (var layer = 0; layer < Layers; layer++)
        {
            show($"present.{layer}.key");
            show($"present.{layer}.value");
        }
    }

    private static float[] Scales(Graph graph, string name)
    {
        var initializer = graph.FindInitializer(name)!;
        Assert.Equal([Heads, 1, Size], initializer.Shape);
        return MemoryMarshal.Cast<byte, float>(((TensorData.Inline)initializer.Data).Bytes.Span).ToArray();
    }
}
