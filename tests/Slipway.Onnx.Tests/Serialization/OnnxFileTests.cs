using Slipway.Onnx.Operators;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Onnx.Tests.Serialization;

public sealed class OnnxFileTests
{
    [Fact]
    public void Read_WhatWasWritten_IsTheSame()
    {
        using TemporaryFolder folder = new();
        var written = Sample();
        OnnxFile.Write(written, folder["model.onnx"]);

        var read = OnnxFile.Read(folder["model.onnx"]);

        Assert.Equal((10L, "Slipway", "1"), (read.IrVersion, read.ProducerName, read.ProducerVersion));
        Assert.Equal(written.OperatorSets, read.OperatorSets);
        Assert.Equal(written.Graph.Nodes.Select(Text), read.Graph.Nodes.Select(Text));
        Assert.Equal(written.Graph.Inputs.Select(Text), read.Graph.Inputs.Select(Text));
        Assert.Equal(written.Graph.Outputs.Select(Text), read.Graph.Outputs.Select(Text));
        Assert.Equal(written.Graph.Initializers.Select(Text).Order(), read.Graph.Initializers.Select(Text).Order());
    }

    [Fact]
    public void Read_TruncatedOrMutatedFile_ReadsOrIsRefused()
    {
        using TemporaryFolder folder = new();
        OnnxFile.Write(Sample(), folder["model.onnx"]);
        var whole = File.ReadAllBytes(folder["model.onnx"]);
        Random random = new(1);
        var refused = 0;
        for (var round = 0; round < 2000; round++)
        {
            byte[] bytes = [.. whole];
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(folder["mutated.onnx"], bytes[..random.Next(bytes.Length / 2, bytes.Length + 1)]);
            try
            {
                OnnxFile.Read(folder["mutated.onnx"]);
            }
            catch (OnnxException exception)
            {
                refused++;
                Assert.Contains("mutated.onnx", exception.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(refused, 1000, 2000);
    }

    [Fact]
    public void Read_GraphWithoutGraph_SaysSo()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["empty.onnx"], []);
        var exception = Assert.Throws<OnnxException>(() => OnnxFile.Read(folder["empty.onnx"]));
        Assert.Contains("holds no graph", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_GraphOfTheOfficialBuilder_FindsItsAttention()
    {
        var model = OnnxFile.Read(Path.Combine(SharedAssets.Path("genai-packages", "llama-int4"), "model.onnx"));
        Assert.Equal(3, model.Graph.Nodes.Count(node => node.OpType == "GroupQueryAttention"));
        Assert.Contains(model.Graph.Initializers, item => item.Data is TensorData.External { File: "model.onnx.data" });
    }

    [Fact]
    public void ExternalData_Constants_BeginAtAlignedOffsets()
    {
        using TemporaryFolder folder = new();
        using ExternalDataWriter writer = new(File.Create(folder["model.onnx.data"]), "model.onnx.data");
        writer.Begin(3);
        writer.Write<byte>([1, 2, 3]);
        var first = writer.End();
        writer.Begin(8);
        writer.Write<float>([1, 2]);
        var second = writer.End();
        writer.Begin(2 << 20);
        var large = writer.End();

        Assert.Equal(new TensorData.External("model.onnx.data", 0, 3), first);
        Assert.Equal(new TensorData.External("model.onnx.data", 64, 8), second);
        Assert.Equal(4096, large.Offset);
    }

    private static OnnxModel Sample()
    {
        Graph graph = new("sample");
        var x = graph.AddInput("x", ElementType.Float32, "batch", 4);
        graph.AddOptionalInput(
            new Initializer("keep", ElementType.Int64, [1], new TensorData.Inline(BitConverter.GetBytes(0L))));
        var weight = graph.AddInitializer(new Initializer(
            "w", ElementType.Float32, [4], new TensorData.External("model.onnx.data", 4096, 16)));
        NodeScope scope = new(graph, "/layer");
        var normed = scope.SimplifiedLayerNormalization(x, weight, 1e-5f);
        var (skipped, _) = scope.SkipSimplifiedLayerNormalization(normed, x, weight, 1e-5f);
        var moved = scope.Transpose(scope.Gelu(skipped, approximate: true), 1, 0);
        graph.AddOutput(graph.Rename(moved, "y"), ElementType.Float32, 4, "batch");
        return new OnnxModel(graph) { ProducerName = "Slipway", ProducerVersion = "1" };
    }

    private static string Text(Node node) =>
        $"{node.Name} {node.Domain} {node.OpType} {string.Join(",", node.Inputs)} {string.Join(",", node.Outputs)} "
        + string.Join(",", node.Attributes.Select(attribute => attribute is NodeAttribute.Ints ints
            ? $"{ints.Name}:{string.Join(";", ints.Values)}" : attribute.ToString()));

    private static string Text(GraphPort port) => $"{port.Name} {port.Type} {string.Join(",", port.Shape)}";

    private static string Text(Initializer item) => $"{item.Name} {item.Type} {string.Join(",", item.Shape)} "
        + (item.Data is TensorData.Inline inline ? Convert.ToHexString(inline.Bytes.Span) : item.Data.ToString());
}
