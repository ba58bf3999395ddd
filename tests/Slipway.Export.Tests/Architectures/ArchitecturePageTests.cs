using System.Globalization;
using System.Text.RegularExpressions;
using Slipway.Checkpoints;
using Slipway.Export.Tests.Definitions;
using Slipway.Testing;

namespace Slipway.Export.Tests.Architectures;

public sealed partial class ArchitecturePageTests
{
    [Fact]
    public void Table_HasARowForEachAndNoOther() =>
        Assert.Equal(Exporter.Architectures, Figures().Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void Figures_StandOnlyWhereReferencesAre()
    {
        SharedAssets.Path("tiny");
        HashSet<string> measured =
        [
            .. DecoderParityTests.Names.Concat(EncoderParityTests.Names).Concat(PooledDecoderTests.Classifiers)
                .Select(row => row.Data).Concat(PooledDecoderTests.Embedders.Select(row => row.Data.Item1))
                .Select(Architecture),
        ];
        var claimed = Figures().Where(row => row.Value is not null).Select(row => row.Key);
        Assert.Equal(measured.Order(StringComparer.Ordinal), claimed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Decoders_Each_HasAReferenceOrADefinition()
    {
        SharedAssets.Path("tiny");
        IEnumerable<string> tested =
        [
            .. DecoderParityTests.Names.Select(row => Architecture(row.Data)),
            .. DenseModels.All.Values.Concat(SmallModels.All.Values)
                .Select(model => model.Config()["architectures"]![0]!.GetValue<string>()),
        ];
        var decoders = Exporter.Architectures
            .Where(name => name.EndsWith("ForCausalLM", StringComparison.Ordinal)
                || name.EndsWith("LMHeadModel", StringComparison.Ordinal));
        Assert.Empty(decoders.Except(tested));
    }

    /// <summary>What the table states by architecture; null where it states no figure.</summary>
    internal static IReadOnlyDictionary<string, float?> Figures() =>
        File.ReadLines(Path.Combine(SharedAssets.Repository, "docs", "architectures.md"))
            .Select(line => Row().Match(line)).Where(match => match.Success)
            .SelectMany(match => match.Groups[1].Value.Split(", ")
                .Select(name => (Name: name.Trim('`'), Figure: match.Groups[2].Value)))
            .ToDictionary(
                row => row.Name,
                row => row.Figure.Length == 0 ? (float?)null : float.Parse(row.Figure, CultureInfo.InvariantCulture));

    private static string Architecture(string folder)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", folder));
        return checkpoint.Config["architectures"]![0]!.GetValue<string>();
    }

    [GeneratedRegex(@"^\| ((?:`[A-Za-z0-9_]+`(?:, )?)+) \|[^|]*\| *([0-9.e+-]*) *\|$")]
    private static partial Regex Row();
}
