using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Export.Tests;

/// <summary>Holds the packages in <c>models/</c> to what their checkpoints export to.</summary>
public sealed class CommittedPackageTests
{
    [Fact]
    public void DeviceAssistant_ExportedAfresh_EqualsTheCommittedPackage()
    {
        var model = Path.Combine(SharedAssets.Repository, "models", "device-assistant");
        using TemporaryFolder folder = new();
        using (var checkpoint = Checkpoint.Open(Path.Combine(model, "checkpoint")))
        {
            Exporter.Export(checkpoint, folder["int4"], new ExportOptions { Precision = Precision.Int4 });
        }

        var committed = Path.Combine(model, "int4");
        Assert.Equal(Names(folder["int4"]), Names(committed));
        Assert.All(
            Names(committed),
            name => Assert.Equal(
                File.ReadAllBytes(Path.Combine(folder["int4"], name)),
                File.ReadAllBytes(Path.Combine(committed, name))));
    }

    private static string[] Names(string folder)
        => [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
