using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Exports what C# offers for writing a <c>forward</c>.</summary>
public sealed class ConstructTests
{
    public static TheoryData<string> Names => [.. Constructs.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_Construct_EqualsTheModule(string name)
    {
        using var module = Constructs.All[name]();
        var made = Traced.Export(module, [randn([2, 3, 6], generator: new Generator(1))], new OnnxModuleOptions
        {
            DynamicAxes = { { "input", 1, new DynamicAxis("rows") } }, Tolerance = 1e-5,
        });
        Assert.True(made.ProvenSizes.Count >= 4);
    }
}
