using TorchSharp;
using Slipway.Onnx.Serialization;
using Slipway.Testing;
using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Holds that a module and its files are as they were, whether an export succeeds or not.</summary>
[Collection(nameof(Alone))]
public sealed class ModuleStateTests
{
    [Fact]
    public void Export_Module_IsGivenBackAsItWas()
    {
        using Gpt model = new();
        model.train();
        var inner = model.modules().Last();
        inner.eval();
        var before = model.parameters().Select(weight => weight.detach().clone()).ToArray();
        manual_seed(7);
        using var expected = randn(3);
        manual_seed(7);
        _ = Traced.Export(model, [randint(0, 61, [2, 8], generator: new Generator(1))]);
        using var actual = randn(3);
        Assert.True(actual.allclose(expected));
        Assert.True(model.training);
        Assert.False(inner.training);
        Assert.All(
            model.parameters().Zip(before), pair => Assert.True(pair.First.allclose(pair.Second)));
        Assert.All(model.parameters(), weight => Assert.True(weight.requires_grad && weight.grad is null));
    }

    [Fact]
    public void Export_FieldsThatChange_ArePutBackAndReported()
    {
        using var module = Constructs.All["cache in a field"]();
        var made = Traced.Export(module, [randn([2, 3, 6], generator: new Generator(1))]);
        Assert.Contains(made.Warnings, warning => warning.Contains("_last", StringComparison.Ordinal));
        using var input = ones(1, 2, 6);
        Assert.Equal([1, 2, 6], ((Tensor)module.call(input)).shape);
    }

    [Fact]
    public void Export_Failed_LeavesNoFilesAndTheModuleAsItWas()
    {
        using TemporaryFolder folder = new();
        using var module = Constructs.Of(x => x * x.sum().item<float>());
        module.train();
        File.WriteAllText(folder["model.onnx"], "before");
        _ = Assert.Throws<UntraceableModuleException>(
            () => OnnxModule.Export(module, [randn(2, 3, 6)], folder["model.onnx"]));
        Assert.Equal(["model.onnx"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
        Assert.Equal("before", File.ReadAllText(folder["model.onnx"]));
        Assert.True(module.training);
    }

    [Fact]
    public void Export_TiedWeights_AreStoredOnce()
    {
        using TemporaryFolder folder = new();
        using Gpt model = new(vocabulary: 500);
        var made = OnnxModule.Export(
            model, [randint(0, 61, [2, 8])], folder["model.onnx"], new OnnxModuleOptions
            {
                ExternalDataThreshold = 1000,
                DynamicAxes = { { "input", 1, new DynamicAxis("sequence", 1, 32) } },
            });
        Assert.Equal(folder["model.onnx.data"], made.DataPath);
        var graph = OnnxFile.Read(folder["model.onnx"]).Graph;
        Assert.Single(graph.Initializers, item => item.Shape.Contains(500));
        Assert.InRange(made.WeightBytes, 1, 1.2 * model.parameters().Sum(weight => weight.numel() * 4));
    }

    [Theory]
    [InlineData(17)]
    [InlineData(18)]
    [InlineData(20)]
    [InlineData(23)]
    public void Export_EveryOperatorSet_EqualsTheModule(int opset)
    {
        using Gpt model = new();
        var made = Traced.Export(model, [randint(0, 61, [2, 8], generator: new Generator(1))], new OnnxModuleOptions
        {
            Opset = opset, DynamicAxes = { { "input", 1, new DynamicAxis("sequence", 1, 32) } },
        });
        Assert.All(made.Outputs, output => Assert.InRange(output.Relative, 0, 1e-5));
    }

    [Fact]
    public void Export_InDouble_EqualsTheModule()
    {
        using Gpt model = new();
        model.to(ScalarType.Float64);
        var made = Traced.Export(model, [randint(0, 61, [2, 8], generator: new Generator(1))]);
        Assert.All(made.Outputs, output => Assert.InRange(output.Relative, 0, 1e-5));
    }

    [Fact]
    public void Export_ReadingForAReport_NeedsTheOption()
    {
        using var module = Constructs.Of(x =>
        {
            GC.KeepAlive(x.mean().item<float>());
            return x * 2;
        });
        var input = randn([2, 3, 6], generator: new Generator(1));
        _ = Assert.Throws<UntraceableModuleException>(() => Traced.Export(module, [input]));
        _ = Traced.Export(module, [input], new OnnxModuleOptions { AllowReadingValues = true });
    }

    [Fact]
    public void Export_ReadingThatReachesAnOutput_IsFoundByVariedInputs()
    {
        using var module = Constructs.Of(x => x * x.mean().item<float>());
        _ = Assert.Throws<UntraceableModuleException>(() => Traced.Export(
            module, [randn([2, 3, 6], generator: new Generator(1))],
            new OnnxModuleOptions { AllowReadingValues = true, DynamicBatch = false }));
    }

    [Fact]
    public void Export_OnSeveralThreads_EqualsTheModules()
    {
        var made = new OnnxModuleExport[3];
        Thread[] threads = [.. Enumerable.Range(0, made.Length).Select(index => new Thread(() =>
        {
            using Gpt model = new();
            using TemporaryFolder folder = new();
            made[index] = OnnxModule.Export(
                model, [randint(0, 61, [2, 8], generator: new Generator(1))], folder["model.onnx"]);
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.All(made, export => Assert.All(export.Outputs, output => Assert.InRange(output.Relative, 0, 1e-5)));
    }

    [Fact]
    public void Export_OperationOfOnesOwn_IsRecordedAsItIs()
    {
        OnnxOperations.Add(
            typeof(ModuleStateTests).GetMethod(nameof(Special))!,
            call => [call.Node("Mul", [call.Tensor("x").Value, call.Constant(call.Number("by"), call.Type)])]);
        using var module = Constructs.Of(x => Special(x, 2.5));
        var made = Traced.Export(module, [randn([2, 3, 6], generator: new Generator(1))]);
        Assert.Equal(1, made.Nodes);
    }

    public static Tensor Special(Tensor x, double by) => x * (x.sum().item<float>() > float.MinValue ? by : 0);
}

/// <summary>Tests that look at the state of random numbers, which all threads share.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
