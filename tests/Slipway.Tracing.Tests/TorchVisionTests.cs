using static TorchSharp.torch;
using static TorchSharp.torchvision;

namespace Slipway.Tracing.Tests;

/// <summary>Exports the networks that TorchSharp ships, with random weights, at several batch sizes.</summary>
public sealed class TorchVisionTests
{
    /// <summary>The networks, with the height and width of their images.</summary>
    internal static readonly Dictionary<string, (Func<nn.Module> Make, int Size)> Networks = new(StringComparer.Ordinal)
    {
        ["alexnet"] = (() => models.alexnet(), 224),
        ["googlenet"] = (() => models.googlenet(), 224),
        ["inception_v3"] = (() => models.inception_v3(), 299),
        ["mobilenet_v2"] = (() => models.mobilenet_v2(), 224),
        ["mobilenet_v3_large"] = (() => models.mobilenet_v3_large(), 224),
        ["mobilenet_v3_small"] = (() => models.mobilenet_v3_small(), 224),
        ["resnet101"] = (() => models.resnet101(), 224),
        ["resnet152"] = (() => models.resnet152(), 224),
        ["resnet18"] = (() => models.resnet18(), 224),
        ["resnet34"] = (() => models.resnet34(), 224),
        ["resnet50"] = (() => models.resnet50(), 224),
        ["vgg11"] = (() => models.vgg11(), 224),
        ["vgg11_bn"] = (() => models.vgg11_bn(), 224),
        ["vgg13"] = (() => models.vgg13(), 224),
        ["vgg13_bn"] = (() => models.vgg13_bn(), 224),
        ["vgg16"] = (() => models.vgg16(), 224),
        ["vgg16_bn"] = (() => models.vgg16_bn(), 224),
        ["vgg19"] = (() => models.vgg19(), 224),
        ["vgg19_bn"] = (() => models.vgg19_bn(), 224),
    };

    public static TheoryData<string> Names => [.. Networks.Keys];

    [Theory]
    [InlineData("resnet18")]
    [InlineData("mobilenet_v3_small")]
    public void Export_Network_EqualsTheModule(string name) => Export(name);

    [Theory(Explicit = true)]
    [MemberData(nameof(Names))]
    public void Export_EveryNetwork_EqualsTheModule(string name) => Export(name);

    private static void Export(string name)
    {
        var (make, size) = Networks[name];
        manual_seed(1);
        using var network = make();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var made = Traced.Export(
            network, [randn(1, 3, size, size, generator: new Generator(1))], new OnnxModuleOptions
            {
                InputNames = ["input"], Tolerance = 1e-5,
                DynamicAxes = { { "input", 0, new DynamicAxis("batch", 1, 8) } },
            });
        Assert.True(made.ProvenSizes.Count >= 3);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{name}: {made.Nodes} nodes in {watch.Elapsed.TotalSeconds:f1} s, peak "
            + $"{Environment.WorkingSet >> 20} MiB");
    }
}
