using Microsoft.ML.OnnxRuntime;
using Slipway.Kernels.Interop;
using Slipway.Onnx;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.MatMul;

/// <summary>
/// Each rule of the product's operators: a node that breaks it is refused, and the error names value and tensor.
/// </summary>
public sealed class MatMulRulesTests : IDisposable
{
    private const int Outputs = 32, Inputs = 64, Block = 32, Rows = 3;

    private static readonly Dictionary<string, (Func<Node, Node> Change, string Expected)> _loadRules = new()
    {
        ["N larger"] = (
            node => Set(node, "N", 64000),
            "input 1, 'values', has the shape [32, 2, 16]; its attributes and other inputs ask for [64000, 2, 16]"),
        ["N smaller"] = (node => Set(node, "N", 16), "ask for [16, 2, 16]"),
        ["N zero"] = (node => Set(node, "N", 0), "attributes 'N', 'K' and 'block_size' are 0, 64 and 32"),
        ["N negative"] = (node => Set(node, "N", -32), "are -32, 64 and 32"),
        ["N beyond 32 bits"] = (node => Set(node, "N", 32 + (1L << 32)), "are 4294967328, 64 and 32"),
        ["N least"] = (node => Set(node, "N", long.MinValue), "sizes from 1 to"),
        ["K larger"] = (node => Set(node, "K", 128), "ask for [32, 4, 16]"),
        ["K smaller"] = (node => Set(node, "K", 32), "ask for [32, 1, 16]"),
        ["K no multiple"] = (node => Set(node, "K", 63), "that divide 'K'"),
        ["block larger"] = (node => Set(node, "block_size", 64), "ask for [32, 1, 32]"),
        ["block beyond the scratch"] = (node => Set(Set(node, "block_size", 512), "K", 1024), "are 32, 1024 and 512"),
        ["block no multiple"] = (node => Set(node, "block_size", 16), "multiple of 32"),
        ["block zero"] = (node => Set(node, "block_size", 0), "multiple of 32"),
        ["N missing"] = (node => Drop(node, "N"), "attribute 'N' is missing or no integer"),
        ["N a float"] = (
            node => Drop(node, "N")
                with { Attributes = [.. Drop(node, "N").Attributes, new NodeAttribute.Float("N", 32)] },
            "attribute 'N' is missing or no integer"),
        ["epsilon missing"] = (node => Drop(node, "epsilon"), "attribute 'epsilon' is missing or no number"),
        ["epsilon not a number"] = (
            node => SetFloat(node, float.NaN),
            "attribute 'epsilon' is 'NaN'; a finite number was expected"),
        ["epsilon negative"] = (node => SetFloat(node, -1), "attribute 'epsilon' is negative"),
        ["values computed"] = (node => Read(node, 1, "computed"), "input 1, 'computed', is no constant of the graph"),
        ["values of another shape"] = (node => Read(node, 1, "zeros"), "input 1, 'zeros', has the shape [32, 1]"),
        ["values of 8 bits beside zeros of 4"] = (
            node => Read(node, 1, "bytes"),
            "input 3, 'zeros', has the shape [32, 1]; its attributes and other inputs ask for [32, 2]"),
        ["block half, as if values had 8 bits"] = (
            node => Read(Set(Set(node, "block_size", 32), "K", 32), 1, "bytes"),
            "input 1, 'bytes', has the shape [32, 2, 32]; its attributes and other inputs ask for [32, 1, 32]"),
        ["scales of another shape"] = (
            node => Read(node, 2, "bias"),
            "input 2, 'bias', has the shape [32]; its attributes and other inputs ask for [32, 2]"),
        ["scales missing"] = (node => Read(node, 2, ""), "input 2"),
        ["zeros of another shape"] = (
            node => Read(node, 3, "values"),
            "input 3, 'values', has the shape [32, 2, 16]; its attributes and other inputs ask for [32, 1]"),
        ["norm of another shape"] = (
            node => Read(node, 4, "bias"),
            "input 4, 'bias', has the shape [32]; its attributes and other inputs ask for [64]"),
        ["norm computed"] = (node => Read(node, 4, "x"), "input 4, 'x', is no constant of the graph"),
        ["values of another type"] = (node => Read(node, 1, "scales"), "Type"),
        ["scales of another type"] = (
            node => Read(node, 2, "values"), "input 2, 'values', has the type 'UInt8'; 'Float' was expected"),
        ["zeros of another type"] = (
            node => Read(node, 3, "words"), "input 3, 'words', has the type 'Int32'; 'UInt8' was expected"),
        ["minima of another type than the scales"] = (
            node => Read(node, 3, "halves"), "input 3, 'halves', has the type 'Float16'; 'Float' was expected"),
        ["minima of another shape"] = (
            node => Read(node, 3, "norm"),
            "input 3, 'norm', has the shape [64]; its attributes and other inputs ask for [32, 2]"),
    };

    private static readonly Dictionary<string, (Func<Node, Node> Change, string Expected)> _runRules = new()
    {
        ["bias of another shape"] = (
            node => Read(node, 5, "norm"),
            "input 5, 'norm', has the shape [64]; its attributes and other inputs ask for [32]"),
        ["addend of another shape"] = (
            node => Read(node, 6, "x"),
            "input 6, 'x', has the shape [3, 64]; its attributes and other inputs ask for [3, 32]"),
        ["addend a constant"] = (node => Read(node, 6, "bias"), "input 6, 'bias', has the shape [32]"),
        ["x narrower"] = (
            node => Read(node, 0, "addend"),
            "input 0, 'addend', has the shape [3, 32]; its last dimension must be 'K', 64"),
        ["x without dimensions"] = (
            node => Read(node, 0, "scalar"),
            "input 0, 'scalar', has the shape []; its last dimension must be 'K', 64"),
    };

    private readonly TemporaryFolder _folder = new();

    public MatMulRulesTests()
        => Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");

    public static TheoryData<string> LoadRules => [.. _loadRules.Keys];

    public static TheoryData<string> RunRules => [.. _runRules.Keys];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_TheNodeAsItIs_Computes() => Run(node => node);

    [Theory]
    [MemberData(nameof(LoadRules))]
    public void Open_NodeBreaksARule_IsRefused(string rule)
    {
        var (change, expected) = _loadRules[rule];
        var refused = Assert.Throws<OnnxRuntimeException>(() => Open(change).Dispose());
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.Contains("product", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(RunRules))]
    public void Run_TensorBreaksARule_IsRefused(string rule)
    {
        var (change, expected) = _runRules[rule];
        var refused = Assert.Throws<OnnxRuntimeException>(() => Run(change));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.Contains("Node 'product' (FusedMatMulNBits): ", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A kernel that refused a run computes the next one, on all its threads.</summary>
    [Fact]
    public void Run_AfterARefusal_Computes()
    {
        using var session = Open(node => node);
        for (var time = 0; time < 3; time++)
        {
            Assert.Throws<OnnxRuntimeException>(() => Run(session, Inputs / 2));
            Run(session, Inputs);
        }
    }

    [Fact]
    public void Open_GateOfAnotherShape_IsRefused()
    {
        var refused = Assert.Throws<OnnxRuntimeException>(() => Open(node => node with
        {
            OpType = "GatedMatMulNBits",
            Inputs = ["x", "values", "scales", "zeros", "zeros", "scales", "zeros", "norm"],
        }).Dispose());
        Assert.Contains("input 4, 'zeros', has the shape [32, 1]", refused.Message, StringComparison.Ordinal);
    }

    private static Node Set(Node node, string name, long value)
        => node with { Attributes = [.. Drop(node, name).Attributes, new NodeAttribute.Int(name, value)] };

    private static Node SetFloat(Node node, float value)
        => node with { Attributes = [.. Drop(node, "epsilon").Attributes, new NodeAttribute.Float("epsilon", value)] };

    private static Node Drop(Node node, string name)
        => node with { Attributes = [.. node.Attributes.Where(attribute => attribute.Name != name)] };

    private static Node Read(Node node, int input, string value)
        => node with { Inputs = [.. node.Inputs.Select((name, index) => index == input ? value : name)] };

    private void Run(Func<Node, Node> change)
    {
        using var session = Open(change);
        Run(session, Inputs);
    }

    private static void Run(InferenceSession session, int width)
    {
        using var options = new RunOptions();
        using OrtValue x = Value(Rows, width), addend = Value(Rows, Outputs), scalar = Value();
        using var results = session.Run(options, ["x", "addend", "scalar"], [x, addend, scalar], ["y"]);
        Assert.Equal(Rows * Outputs, results[0].GetTensorDataAsSpan<float>().Length);
    }

    private static OrtValue Value(params long[] shape) => OrtValue.CreateTensorValueFromMemory(
        KernelGraphs.Numbers(1, (int)shape.Aggregate(1L, (count, size) => count * size)), shape);

    private InferenceSession Open(Func<Node, Node> change)
    {
        var graph = new Graph("product");
        graph.AddInput("x", ElementType.Float32, "rows", "width");
        graph.AddInput("addend", ElementType.Float32, "rows", Outputs);
        graph.AddInput("scalar", ElementType.Float32);
        Add("values", ElementType.UInt8, [Outputs, Inputs / Block, Block / 2],
            KernelGraphs.Codes(1, Outputs * Inputs / 2));
        Add("scales", ElementType.Float32, [Outputs, Inputs / Block],
            KernelGraphs.Numbers(2, Outputs * Inputs / Block));
        Add("zeros", ElementType.UInt8, [Outputs, 1], KernelGraphs.Codes(3, Outputs));
        Add("norm", ElementType.Float32, [Inputs], KernelGraphs.Numbers(4, Inputs));
        Add("bias", ElementType.Float32, [Outputs], KernelGraphs.Numbers(5, Outputs));
        Add("bytes", ElementType.UInt8, [Outputs, Inputs / Block, Block], KernelGraphs.Codes(6, Outputs * Inputs));
        Add("words", ElementType.Int32, [Outputs, 1], new int[Outputs]);
        Add("halves", ElementType.Float16, [Outputs, Inputs / Block], new Half[Outputs * Inputs / Block]);
        graph.AddNode(new Node("cast", "", "Cast", ["addend"], ["computed"], [new NodeAttribute.Int("to", 2)]));
        graph.AddNode(change(new Node(
            "product", "slipway", "FusedMatMulNBits", ["x", "values", "scales", "zeros", "norm", "bias", "addend"],
                ["y"],
            [
                new NodeAttribute.Int("N", Outputs), new NodeAttribute.Int("K", Inputs),
                new NodeAttribute.Int("block_size", Block), new NodeAttribute.Float("epsilon", 1e-5f),
            ])));
        graph.AddOutput(new GraphValue("y"), ElementType.Float32, "rows", "outputs");
        return KernelGraphs.Open(graph, _folder);

        void Add<T>(string name, ElementType type, long[] shape, T[] values)
            where T : unmanaged
            => graph.AddInitializer(KernelGraphs.Constant(name, type, shape, values));
    }
}
