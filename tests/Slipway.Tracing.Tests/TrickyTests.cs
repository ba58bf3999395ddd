using Microsoft.ML.OnnxRuntime;
using Slipway.Testing;
using Slipway.Tracing.Proof;
using Slipway.Tracing.Recording;
using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Holds that modules are exported rightly at every size, refused, or warned of.</summary>
[Collection(nameof(Alone))] // Its modules change static fields, which every trace watches.
public sealed class TrickyTests
{
    // None but the first few is traced or proven of itself.
    private static readonly (long Batch, long Rows)[] Sizes =
    [
        .. Enumerable.Range(1, 40).Select(rows => (2L, (long)rows)),
        (48, 3), (130, 2), (3, 64), (2, 65), (1, 99), (5, 100), (1, 127), (2, 128), (1, 129), (3, 150), (2, 160),
        (1, 161), (2, 200), (1, 222), (2, 240), (1, 241), (2, 250), (1, 256), (2, 257), (7, 111), (1, 300), (2, 301),
        (1, 333), (1, 351), (2, 352), (1, 400), (1, 600), (1, 1000),
    ];

    public static TheoryData<string> SizeNames => [.. TrickySizes.All.Keys];

    public static TheoryData<string> FlowNames => [.. TrickyFlow.All.Keys];

    public static TheoryData<string> StateNames => [.. TrickyState.All.Keys];

    [Theory]
    [MemberData(nameof(SizeNames))]
    public void Export_WhatSizesDecide_IsRightOrRefused(string name)
    {
        var (says, forward) = TrickySizes.All[name];
        RightOrRefused(says, Constructs.Of(forward));
    }

    [Theory]
    [MemberData(nameof(StateNames))]
    public void Export_WhatStateDecides_IsRightOrRefused(string name)
    {
        var (says, make) = TrickyState.All[name];
        RightOrRefused(says, make());
    }

    [Theory]
    [MemberData(nameof(FlowNames))]
    public void Export_WhatFunctionsAndTablesDecide_IsRightOrRefused(string name)
    {
        var (says, make) = TrickyFlow.All[name];
        RightOrRefused(says, make());
    }

    private static void RightOrRefused(string? says, nn.Module<Tensor, object> module)
    {
        using var owned = module;
        using TemporaryFolder folder = new();
        OnnxModuleExport made;
        try
        {
            made = OnnxModule.Export(
                module, [randn([2, 3, 6], generator: new Generator(1))], folder["model.onnx"], new OnnxModuleOptions
                {
                    DynamicAxes = { { "input", 1, new DynamicAxis("rows") } },
                });
        }
        catch (Exception exception) when (exception is UntraceableModuleException or ModuleMismatchException)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(exception.Message);
            Assert.Contains(says ?? "(to be exported)", exception.Message, StringComparison.Ordinal);
            return;
        }

        foreach (var warning in made.Warnings)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(warning);
        }

        if (says is not null)
        {
            Assert.Contains(made.Warnings, warning => warning.Contains(says, StringComparison.Ordinal));
            return;
        }

        module.eval();
        using InferenceSession session = new(folder["model.onnx"]);
        foreach (var (batch, rows) in Sizes)
        {
            Compare(module, session, batch, rows);
        }
    }

    private static void Compare(nn.Module<Tensor, object> module, InferenceSession session, long batch, long rows)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var x = randn([batch, rows, 6], generator: new Generator(3));
        using var input = OrtValue.CreateTensorValueFromMemory(x.data<float>().ToArray(), x.shape);
        using RunOptions options = new();
        using var results = session.Run(options, ["input"], [input], session.OutputNames);
        var expected = TensorTree.Flatten(module.call(x)).ToArray();
        Assert.Equal(expected.Length, results.Count);
        for (var index = 0; index < expected.Length; index++)
        {
            var difference = Difference.Of(results[index], expected[index]);
            Assert.True(difference.Relative <= 2e-4, $"{batch} × {rows} differs by {difference.Relative:g3}.");
        }
    }
}
