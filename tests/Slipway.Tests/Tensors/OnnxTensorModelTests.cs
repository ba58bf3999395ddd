using Slipway.Onnx;
using Slipway.Onnx.Operators;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Tests.Tensors;

/// <summary>Runs graphs over named tensors, alone, at once and together.</summary>
public sealed class OnnxTensorModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public OnnxTensorModelTests()
    {
        // scaled = 2 x, sum = Σ over the last axis of x, with x [batch, width]
        Graph graph = new("scale");
        NodeScope scope = new(graph, "");
        var x = graph.AddInput("x", ElementType.Float32, "batch", "width");
        var scaled = scope.AddNode("", "Mul", [x, scope.Float(2)], ["=scaled"], [])[0];
        var sum = scope.AddNode(
            "", "ReduceSum", [x, scope.Ints(1)], ["=sum"], [new NodeAttribute.Int("keepdims", 0)])[0];
        graph.AddOutput(scaled, ElementType.Float32, "batch", "width");
        graph.AddOutput(sum, ElementType.Float32, "batch");
        OnnxFile.Write(new OnnxModel(graph), _path = _folder["model.onnx"]);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_NamedTensors_GivesEveryOutputWithItsShape()
    {
        using var model = OnnxTensorModel.Load(_folder.Path);
        Assert.Equal("x Single[batch, width]", model.Inputs.Single().ToString());
        var outputs = model.Run(new NamedTensors { { "x", new float[] { 1, 2, 3, 4, 5, 6 }, 2, 3 } });
        Assert.Equal(["scaled", "sum"], outputs.Names);
        Assert.Equal([2f, 4, 6, 8, 10, 12], outputs.Elements<float>("scaled"));
        Assert.Equal([6f, 15], outputs.Elements<float>("sum"));
        Assert.Equal([2, 3], outputs.Get<float>("scaled").Lengths.ToArray());
    }

    [Fact]
    public void Run_WrongTensors_NamesAllThatIsWrong()
    {
        using var model = OnnxTensorModel.Load(_path);
        var failure = Assert.Throws<ArgumentException>(
            () => model.Run(new NamedTensors { { "y", new float[] { 1 }, 1 } }));
        Assert.Contains("'x' is missing; expected x Single[batch, width].", failure.Message, StringComparison.Ordinal);
        Assert.Contains("'y' is no input of the graph; it has 'x'.", failure.Message, StringComparison.Ordinal);
        failure = Assert.Throws<ArgumentException>(
            () => model.Run(new NamedTensors { { "x", new long[] { 1, 2 }, 2 } }));
        Assert.Contains("type 'Int64'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("has the shape [2]", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_OfOtherTypesAndSizes_AreRefused()
    {
        NamedTensors tensors = [];
        Assert.Contains("takes 6 elements, not 2", Assert.Throws<ArgumentException>(
            () => tensors.Add("x", new float[2], 2, 3)).Message, StringComparison.Ordinal);
        Assert.Contains("elements of type 'Char'", Assert.Throws<ArgumentException>(
            () => tensors.Add("x", new char[2], 2)).Message, StringComparison.Ordinal);
        tensors.Add("x", new float[2], 2);
        Assert.Contains("already", Assert.Throws<ArgumentException>(
            () => tensors.Add("x", new float[2], 2)).Message, StringComparison.Ordinal);
        _ = Assert.Throws<InvalidCastException>(() => tensors.Get<long>("x"));
        _ = Assert.Throws<KeyNotFoundException>(() => tensors.Get<float>("y"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    public async Task RunAsync_ManyAtOnce_EqualsEachAlone(int maxBatchRows)
    {
        using var model = OnnxTensorModel.Load(_path, new OnnxTensorModelOptions { MaxBatchRows = maxBatchRows });
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(index =>
        {
            var (rows, width) = (1 + (index % 3), 2 + (index % 2));
            var values = Enumerable.Range(0, rows * width).Select(at => (float)(index + at)).ToArray();
            return model.RunAsync(new NamedTensors { { "x", values, rows, width } });
        }));
        for (var index = 0; index < answers.Length; index++)
        {
            var (rows, width) = (1 + (index % 3), 2 + (index % 2));
            Assert.Equal([rows, width], answers[index].Get<float>("scaled").Lengths.ToArray());
            Assert.Equal(
                Enumerable.Range(0, rows * width).Select(at => 2f * (index + at)),
                answers[index].Elements<float>("scaled"));
        }
    }

    [Fact]
    public async Task RunAsync_OneThatTheGraphCannotCompute_FailsAlone()
    {
        Graph graph = new("table");
        NodeScope scope = new(graph, "");
        var ids = graph.AddInput("ids", ElementType.Int64, "batch");
        graph.AddOutput(
            scope.AddNode("", "Gather", [scope.Ints(10, 11, 12), ids], ["=rows"], [])[0], ElementType.Int64, "batch");
        OnnxFile.Write(new OnnxModel(graph), _folder["table.onnx"]);
        using var model = OnnxTensorModel.Load(
            _folder["table.onnx"], new OnnxTensorModelOptions { MaxBatchRows = 64 });
        var answers = Enumerable.Range(0, 100)
            .Select(index => model.RunAsync(new NamedTensors { { "ids", new long[] { index % 4 }, 1 } })).ToArray();
        for (var index = 0; index < answers.Length; index++)
        {
            if (index % 4 == 3)
            {
                _ = await Assert.ThrowsAsync<InvalidOperationException>(() => answers[index]);
            }
            else
            {
                Assert.Equal([10L + (index % 4)], (await answers[index]).Elements<long>("rows"));
            }
        }
    }

    [Fact]
    public async Task RunAsync_Cancelled_Ends()
    {
        using var model = OnnxTensorModel.Load(_path, new OnnxTensorModelOptions { MaxBatchRows = 4 });
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.RunAsync(
            new NamedTensors { { "x", new float[2], 1, 2 } }, cancelled.Token));
        var answer = await model.RunAsync(new NamedTensors { { "x", new float[2], 1, 2 } });
        Assert.Equal([0f], answer.Elements<float>("sum"));
    }

    [Fact]
    public void Load_GraphWithoutACommonFirstAxis_TakesNoBatches()
    {
        Graph graph = new("fixed");
        var x = graph.AddInput("x", ElementType.Float32, 2);
        graph.AddOutput(
            new NodeScope(graph, "").AddNode("", "Neg", [x], ["=y"], [])[0], ElementType.Float32, 2);
        OnnxFile.Write(new OnnxModel(graph), _folder["fixed.onnx"]);
        var failure = Assert.Throws<ArgumentException>(() => OnnxTensorModel.Load(
            _folder["fixed.onnx"], new OnnxTensorModelOptions { MaxBatchRows = 8 }));
        Assert.Contains("MaxBatchRows needs one named size", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NoGraph_SaysSo()
    {
        _ = Assert.Throws<FileNotFoundException>(() => OnnxTensorModel.Load(_folder["none.onnx"]));
        File.WriteAllText(_folder["broken.onnx"], "no graph");
        _ = Assert.Throws<PackageException>(() => OnnxTensorModel.Load(_folder["broken.onnx"]));
    }

    [Fact]
    public void Run_Disposed_IsRefused()
    {
        var model = OnnxTensorModel.Load(_path);
        model.Dispose();
        model.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(
            () => model.Run(new NamedTensors { { "x", new float[2], 1, 2 } }));
    }
}
