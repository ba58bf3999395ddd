using Slipway.Onnx.Operators;

namespace Slipway.Onnx.Tests;

public sealed class GraphTests
{
    [Fact]
    public void AddNode_InputThatNothingComputes_IsRefusedByName()
    {
        Graph graph = new("test");
        var exception = Assert.Throws<ArgumentException>(
            () => new NodeScope(graph, "/a").Add(new GraphValue("x"), new GraphValue("y")));
        Assert.Equal("Node '/a/Add' reads 'x', which nothing computes before it.", exception.Message);
    }

    [Fact]
    public void Scope_SameOperatorTwice_GetsNumberedNames()
    {
        Graph graph = new("test");
        var x = graph.AddInput("x", ElementType.Float32, 2);
        NodeScope scope = new(graph, "/a");
        scope.Add(scope.Add(scope.Add(x, x), x), x);
        Assert.Equal(["/a/Add", "/a/Add_1", "/a/Add_2"], graph.Nodes.Select(node => node.Name));
    }

    [Fact]
    public void Constants_SameValueTwice_IsOneInitializer()
    {
        Graph graph = new("test");
        NodeScope scope = new(graph, "/a");
        Assert.Equal(scope.Ints(1, 2), scope.Ints(1, 2));
        Assert.NotEqual(scope.Ints(1), scope.Int(1));
        Assert.Equal(3, graph.Initializers.Count);
    }

    [Fact]
    public void AddInitializer_NameThatIsTaken_IsRefused()
    {
        Graph graph = new("test");
        graph.AddInput("x", ElementType.Float32, 2);
        var exception = Assert.Throws<ArgumentException>(() => graph.AddInitializer(
            new Initializer("x", ElementType.UInt8, [1], new TensorData.Inline(new byte[1]))));
        Assert.StartsWith("The graph has a value 'x' already.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rename_OutputOfANode_ChangesItsName()
    {
        Graph graph = new("test");
        var x = graph.AddInput("x", ElementType.Float32, 2);
        var renamed = graph.Rename(new NodeScope(graph, "/a").Add(x, x), "logits");
        graph.AddOutput(renamed, ElementType.Float32, 2);
        Assert.Equal(["logits"], graph.Nodes[0].Outputs);
        Assert.Throws<ArgumentException>(() => graph.Rename(x, "y"));
    }

    [Fact]
    public void Operators_OptionalInputsLeftOut_AreEmptyOrCut()
    {
        Graph graph = new("test");
        var x = graph.AddInput("x", ElementType.Float32, 1, 32);
        var codes = graph.AddInput("codes", ElementType.UInt8, 1, 1, 16);
        var scales = graph.AddInput("scales", ElementType.Float32, 1, 1);
        var bias = graph.AddInput("bias", ElementType.Float32, 1);
        NodeScope scope = new(graph, "/a");
        scope.MatMulNBits(x, codes, scales, default, bias, 1, 32, 4, 32);
        scope.MatMulNBits(x, codes, scales, default, default, 1, 32, 4, 32);
        Assert.Equal(["x", "codes", "scales", "", "", "bias"], graph.Nodes[0].Inputs);
        Assert.Equal(["x", "codes", "scales"], graph.Nodes[1].Inputs);
    }
}
