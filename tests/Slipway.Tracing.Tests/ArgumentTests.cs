using System.Diagnostics;
using System.Reflection;
using Slipway.Tracing.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Exports modules whose arguments are objects, and ones of an assembly compiled as Debug.</summary>
public sealed class ArgumentTests
{
    private static readonly OnnxModuleOptions Rows = new()
    {
        InputNames = ["states", "mask"], DynamicAxes = { { "states", 1, "rows" }, { "mask", 1, "rows" } },
    };

    [Fact]
    public void Export_ClassWithProperties_IsTakenApartAndRebuilt()
    {
        using ByClass module = new();
        Batch batch = new()
        {
            States = randn([2, 3, 6], generator: new Generator(1)), Mask = ones(2, 3), Scale = 0.5,
        };
        var made = Traced.Export(module, [batch], Rows);
        Assert.Equal(["states", "mask"], made.Inputs);
        Assert.False(batch.States.IsInvalid);
    }

    [Fact]
    public void Export_RecordOfRecords_IsTakenApartAndRebuilt()
    {
        using ByRecord module = new();
        var made = Traced.Export(
            module, [new Outer(new Inner(randn([2, 3, 6], generator: new Generator(1))), [ones(2, 3)])], Rows);
        Assert.True(made.ProvenSizes.Count >= 4);
    }

    [Fact]
    public void Export_ModulesCompiledAsDebug_EqualTheModules()
    {
        var debug = typeof(EveryStatement).Assembly.GetCustomAttribute<DebuggableAttribute>();
        Assert.True(debug?.IsJITOptimizerDisabled, "The library of modules must be compiled without optimization.");
        using EveryStatement statements = new();
        _ = Traced.Export(statements, [randn([2, 3, 6], generator: new Generator(1))], new OnnxModuleOptions
        {
            DynamicAxes = { { "input", 1, "rows" } },
        });
        using Classifier classifier = new();
        _ = Traced.Export(classifier, [randn([2, 64], generator: new Generator(1))]);
        using var encoder = Models.Create();
        var made = Traced.Export(
            encoder, [randint(0, 100, [2, 5], generator: new Generator(1)), ones(2, 5)], new OnnxModuleOptions
            {
                DynamicAxes = { { "ids", 1, "sequence" }, { "mask", 1, "sequence" } },
            });
        Assert.Equal(2, made.Outputs.Count);
    }

    [Fact]
    public void Export_ModuleCompiledAsDebug_IsRefusedWithItsLine()
    {
        using Branching module = new();
        var failure = Assert.Throws<UntraceableModuleException>(() => Traced.Export(module, [ones(2, 3)]));
        Assert.EndsWith("DebugModules.cs", failure.File, StringComparison.Ordinal);
        Assert.True(failure.Line > 0);
    }

    private sealed class Batch
    {
        public required Tensor States { get; init; }

        public required Tensor Mask { get; init; }

        public double Scale { get; init; }
    }

    private sealed record Inner(Tensor States);

    private sealed record Outer(Inner Inner, List<Tensor> Masks);

    private sealed class ByClass() : nn.Module<Batch, Tensor>(nameof(ByClass))
    {
        public override Tensor forward(Batch input) => input.States * input.Mask.unsqueeze(-1) * input.Scale;
    }

    private sealed class ByRecord() : nn.Module<Outer, Tensor>(nameof(ByRecord))
    {
        public override Tensor forward(Outer input)
        {
            var (inner, masks) = input;
            return inner.States.relu() + masks[0].unsqueeze(-1);
        }
    }
}
