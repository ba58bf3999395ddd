using Slipway.Tracing.FSharp;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Exports modules that are written in F#.</summary>
public sealed class FSharpTests
{
    public static TheoryData<string> Names => [.. Models.names];

    private static OnnxModuleOptions Rows => new() { DynamicAxes = { { "x", 1, new DynamicAxis("rows") } } };

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_ModuleInFSharp_EqualsTheModule(string name)
    {
        using var module = Models.make(name);
        var made = Traced.Export(module, [randn([2, 3, 6], generator: new Generator(1))], Rows);
        Assert.True(made.ProvenSizes.Count >= 4);
        Assert.All(made.Outputs, output => Assert.InRange(output.Relative, 0, 1e-5));
    }

    [Fact]
    public void Export_BranchInFSharp_IsRefusedWithTheLine()
    {
        using Branching module = new();
        var refusal = Assert.Throws<UntraceableModuleException>(
            () => Traced.Export(module, [randn([2, 3, 6], generator: new Generator(1))], Rows));
        Assert.Contains("as at rows=201", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("of 'Modules.fs'", refusal.Message, StringComparison.Ordinal);
    }
}
