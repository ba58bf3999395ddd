using Slipway.Onnx.Serialization;
using Slipway.Testing;
using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Holds that graphs are as small as ones written by hand, and that only equal forms are fused.</summary>
public sealed class PassTests
{
    private const double Root2 = 1.4142135623730951;

    private static readonly Tensor Weight = ones(6) * 1.5f;
    private static readonly Tensor Bias = ones(6) * 0.25f;

    private static readonly Dictionary<string, (Func<Tensor, Tensor> Forward, string Nodes)> Fused =
        new(StringComparer.Ordinal)
        {
            ["layer norm by var"] = (
                x => ((x - x.mean([-1], true)) / (x.var(-1, false, true) + 1e-5).sqrt() * Weight) + Bias,
                "LayerNormalization"),
            ["layer norm by rsqrt"] = (
                x =>
                {
                    var d = x - x.mean([-1L], true);
                    return Weight * (d * (d.pow(2).mean([-1L], true) + 1e-6).rsqrt());
                }, "LayerNormalization"),
            ["layer norm without weights"] = (
                x =>
                {
                    var d = x - x.mean([2L], true);
                    return d / ((d * d).mean([2L], true) + 1e-6).sqrt();
                }, "LayerNormalization"),
            ["layer norm of a library, scaled after"] = (
                x => (nn.functional.layer_norm(x, [6]) * Weight) + Bias, "LayerNormalization"),
            ["over another axis"] = (
                x =>
                {
                    var d = x - x.mean([1L], true);
                    return d / ((d * d).mean([1L], true) + 1e-6).sqrt();
                }, "ReduceMean Sub Mul ReduceMean Add Sqrt Div"),
            ["unbiased"] = (
                x => (x - x.mean([-1L], true)) / (x.var(-1, true, true) + 1e-5).sqrt(),
                "ReduceMean Sub Mul ReduceSum Div Add Sqrt Div"),
            ["epsilon outside the root"] = (
                x =>
                {
                    var d = x - x.mean([2L], true);
                    return d / ((d * d).mean([2L], true).sqrt() + 1e-6);
                }, "ReduceMean Sub Mul ReduceMean Sqrt Add Div"),
            ["mean of another tensor"] = (
                x =>
                {
                    var d = x - x.abs().mean([2L], true);
                    return d / ((d * d).mean([2L], true) + 1e-6).sqrt();
                }, "Abs ReduceMean Sub Mul ReduceMean Add Sqrt Div"),
            ["gelu by erf"] = (x => 0.5 * x * (1 + (x / Root2).erf()), "Gelu"),
            ["gelu by erf, another order"] = (x => x * ((x * (1 / Root2)).erf() + 1) * 0.5, "Gelu"),
            ["gelu by tanh"] = (
                x => 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x.pow(3)))).tanh()), "Gelu"),
            ["gelu by tanh, factored"] = (
                x => x * 0.5 * (1 + (x * 0.7978845608 * (1 + (0.044715 * x * x))).tanh()), "Gelu"),
            ["nearly gelu"] = (x => 0.5 * x * (1 + (x / 1.414).erf()), "Mul Div Erf Add Mul"),
            ["another cube"] = (
                x => 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + (0.0447 * x.pow(3)))).tanh()),
                "Mul Pow Mul Add Mul Tanh Add Mul"),
            ["transposed twice"] = (x => x.transpose(0, 2).transpose(0, 1).relu(), "Transpose Relu"),
            ["transposed back"] = (x => x.transpose(0, 2).transpose(0, 2).relu(), "Relu"),
            ["computed twice"] = (x => x.exp().sum([0L]) + x.exp().sum([0L]), "Exp ReduceSum Add"),
            ["convolution with a folded weight"] = (
                x => nn.functional.conv1d(x.transpose(1, 2), ones(4, 6, 1)), "Transpose Conv"),
        };

    public static TheoryData<string> Names => [.. Fused.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_WrittenOutForm_HasTheseNodes(string name)
    {
        var (forward, nodes) = Fused[name];
        Assert.Equal(nodes, Nodes(forward, new OnnxModuleOptions { DynamicAxes = { { "input", 1, "rows" } } }));
    }

    [Theory]
    [InlineData(23, OnnxOperatorSet.Standard, "RMSNormalization")]
    [InlineData(21, OnnxOperatorSet.OnnxRuntime, "SimplifiedLayerNormalization")]
    [InlineData(21, OnnxOperatorSet.Standard, "Pow ReduceMean Add Sqrt Reciprocal Mul Mul")]
    public void Export_RmsNorm_HasTheNodesOfItsOperators(int opset, OnnxOperatorSet operators, string nodes)
        => Assert.Equal(nodes, Nodes(
            x => x * (x.square().mean([-1L], true) + 1e-6).rsqrt() * Weight,
            new OnnxModuleOptions { Opset = opset, Operators = operators }));

    [Theory]
    [InlineData(17, "Div Erf Add Mul Mul")]
    [InlineData(20, "Gelu")]
    public void Export_Gelu_IsFusedFromOperatorSet20On(int opset, string nodes)
        => Assert.Equal(nodes, Nodes(
            x => x * ((x / Root2).erf() + 1) * 0.5, new OnnxModuleOptions { Opset = opset }));

    [Theory]
    [InlineData(21, 27)]
    [InlineData(23, 23)]
    public void Export_GptLayer_HasTheNodesOfOneWrittenByHand(int opset, int expected)
    {
        int Count(int layers)
        {
            using Gpt model = new(layers: layers);
            return Traced.Export(model, [randint(0, 61, [2, 8], generator: new Generator(1))], new OnnxModuleOptions
            {
                Opset = opset, DynamicAxes = { { "input", 1, new DynamicAxis("sequence", 1, 32) } },
            }).Nodes;
        }

        Assert.Equal(expected, Count(3) - Count(2));
    }

    [Fact]
    public void Export_TiedHeadWithOperatorsOfOnnxRuntime_IsMultipliedAsItIsStored()
    {
        using TemporaryFolder folder = new();
        using Gpt model = new();
        _ = OnnxModule.Export(
            model, [randint(0, 61, [2, 8], generator: new Generator(1))], folder["model.onnx"],
            new OnnxModuleOptions
            {
                Operators = OnnxOperatorSet.OnnxRuntime,
                DynamicAxes = { { "input", 1, new DynamicAxis("sequence", 1, 32) } },
            });
        var graph = OnnxFile.Read(folder["model.onnx"]).Graph;
        Assert.Equal("FusedMatMul", graph.Nodes[^1].OpType);
        Assert.Equal("_tokens.weight", graph.Nodes[^1].Inputs[1]);
    }

    [Theory]
    [InlineData("bias")]
    [InlineData("closed by -inf")]
    [InlineData("none")]
    public void Export_Attention_IsFusedFromOperatorSet23On(string mask)
    {
        var nodes = Nodes(
            x =>
            {
                var heads = x.view(x.shape[0], x.shape[1], 2, 3).transpose(1, 2);
                var scores = heads.matmul(heads.transpose(2, 3)) / Math.Sqrt(3);
                var closed = ones(x.shape[1], x.shape[1]).triu(1);
                scores = mask switch
                {
                    "bias" => scores + (closed * -3.5),
                    "none" => scores,
                    _ => scores.masked_fill(closed.to(ScalarType.Bool), float.NegativeInfinity),
                };
                return nn.functional.softmax(scores, -1).matmul(heads);
            }, new OnnxModuleOptions { Opset = 23, DynamicAxes = { { "input", 1, "rows" } } });
        Assert.Contains("Attention", nodes, StringComparison.Ordinal);
        Assert.DoesNotContain("Softmax", nodes, StringComparison.Ordinal);
    }

    private static string Nodes(Func<Tensor, Tensor> forward, OnnxModuleOptions options)
    {
        using TemporaryFolder folder = new();
        using var module = Constructs.Of(x => forward(x));
        _ = OnnxModule.Export(
            module, [randn([2, 3, 6], generator: new Generator(1))], folder["model.onnx"], options);
        return string.Join(' ', OnnxFile.Read(folder["model.onnx"]).Graph.Nodes.Select(node => node.OpType));
    }
}
