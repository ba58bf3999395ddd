using Microsoft.ML.OnnxRuntime;
using Slipway.Checkpoints;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Export.Tests.Weights;

public sealed class BlockScalesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Export_Int4_KeepsScalesInHalfPrecisionThatOnnxRuntimeWidensOnce()
    {
        var graph = Export("llama-tied-bias", Precision.Int4);
        Assert.All(
            graph.Initializers.Where(constant => constant.Name.EndsWith(".scales", StringComparison.Ordinal)),
            scales => Assert.Equal(ElementType.Float16, scales.Type));

        using SessionOptions options = new()
        {
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
            OptimizedModelFilePath = _folder["package/opened.onnx"],
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC,
        };
        new InferenceSession(_folder["package/model.onnx"], options).Dispose();

        var opened = OnnxFile.Read(_folder["package/opened.onnx"]).Graph;
        Assert.All(
            opened.Nodes.Where(node => node.OpType is "MatMulNBits" or "GatherBlockQuantized"),
            node => Assert.Equal(ElementType.Float32, opened.FindInitializer(
                node.Inputs[2])?.Type));
    }

    [Theory]
    [InlineData(new[] { 1f, 0.001f }, ElementType.Float16)]
    [InlineData(new[] { 1f, 1e-9f }, ElementType.Float16)]
    [InlineData(new[] { -8f, 0.5f }, ElementType.Float16)]
    [InlineData(new[] { 1e-6f, 2e-6f }, ElementType.Float32)]
    [InlineData(new[] { 1f, 70000f }, ElementType.Float32)]
    [InlineData(new[] { 1f, float.NaN }, ElementType.Float32)]
    public void Write_ScalesThatHalfPrecisionCannotHold_StayFloat32(float[] row, ElementType expected)
    {
        Graph graph = new("scales");
        using (ExternalDataWriter data = new(File.Create(_folder["data"]), "data"))
        {
            WeightWriter writer = new(
                graph, data, "source", 4, _ => false, null, TestContext.Current.CancellationToken);
            var value = BlockScales.Write(writer, "w", [2, 2], [[1, 1], row]);
            Assert.Equal(expected == ElementType.Float32, value.Name == "w.scales");
        }

        Assert.Equal(expected, Assert.Single(graph.Initializers).Type);
    }

    private Graph Export(string name, Precision precision)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
        Exporter.Export(checkpoint, _folder["package"], new ExportOptions { Precision = precision });
        return OnnxFile.Read(_folder["package/model.onnx"]).Graph;
    }
}
