using Slipway.Tracing.Tests.Modules;

namespace Slipway.Tracing.Tests;

/// <summary>Exports layers and small networks, with batch, height, width and length as each run has them.</summary>
public sealed class LayerTests
{
    public static TheoryData<string> Images => [.. Layers.OnImages.Keys];

    public static TheoryData<string> Sequences => [.. Layers.OnSequences.Keys];

    [Theory]
    [MemberData(nameof(Images))]
    public void Export_LayerOnImages_EqualsTheModule(string name)
    {
        using var layer = Layers.OnImages[name]();
        var made = Traced.Export(layer, [Layers.Image()], new OnnxModuleOptions
        {
            InputNames = ["image"],
            DynamicAxes =
            {
                { "image", 2, new DynamicAxis("height", 4, Multiple: 2) },
                { "image", 3, new DynamicAxis("width", 4, Multiple: 2) },
            },
        });
        Assert.True(made.ProvenSizes.Count >= 4);
    }

    [Theory]
    [MemberData(nameof(Sequences))]
    public void Export_LayerOnSequences_EqualsTheModule(string name)
    {
        using var layer = Layers.OnSequences[name]();
        var made = Traced.Export(layer, [Layers.Sequence()], new OnnxModuleOptions
        {
            InputNames = ["sequence"], DynamicBatch = false, Tolerance = 2e-5,
            DynamicAxes =
            {
                { "sequence", 0, new DynamicAxis("length", 2) }, { "sequence", 1, new DynamicAxis("batch") },
            },
        });
        Assert.True(made.ProvenSizes.Count >= 4);
    }
}
