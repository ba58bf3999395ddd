using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

public sealed class OnnxModuleTests
{
    private static readonly OnnxModuleOptions Sequences = new()
    {
        DynamicAxes = { { "input", 1, new DynamicAxis("sequence", 1, 32) } },
    };

    [Fact]
    public void Export_Gpt_EqualsTheModuleAtOtherSizes()
    {
        using Gpt model = new();
        var made = Traced.Export(model, [randint(0, 61, [2, 8])], Sequences);
        Assert.True(made.ProvenSizes.Count >= 4);
    }
}
