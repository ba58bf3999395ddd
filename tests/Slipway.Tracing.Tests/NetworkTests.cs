using Slipway.Tracing.Tests.Modules.Networks;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Exports whole networks, as people write them, and compares each at four sizes or more.</summary>
public sealed class NetworkTests
{
    /// <summary>All networks, by name.</summary>
    internal static readonly Dictionary<string, Case> All = new[]
    {
        Classifiers.All, Tokens.All, Images.All, Fields.All, Sequences.All, Series.All, Tables.All, Sets.All,
    }.SelectMany(cases => cases).ToDictionary(item => item.Key, item => item.Value, StringComparer.Ordinal);

    public static TheoryData<string> Names => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_Network_EqualsTheModule(string name)
    {
        var (make, example, axes) = All[name];
        using var scope = NewDisposeScope();
        using var network = make();
        DynamicAxes dynamic = [];
        foreach (var (input, axis, size) in axes)
        {
            dynamic.Add(input, axis, size);
        }

        var made = Traced.Export(network, example(), new OnnxModuleOptions { DynamicAxes = dynamic });
        Assert.True(made.ProvenSizes.Count >= 4);
        Assert.Empty(made.Warnings);
        Assert.All(made.Outputs, output => Assert.InRange(output.Relative, 0, 2e-5));
    }
}
