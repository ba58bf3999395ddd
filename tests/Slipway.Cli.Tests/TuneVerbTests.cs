using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

public sealed class TuneVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Export_Tuned_SaysWhatItGainedAndLeavesNothingBesideIt()
    {
        // Copied, as sampled texts are kept beside the source.
        var source = _folder["source"];
        Directory.CreateDirectory(source);
        foreach (var file in Directory.GetFiles(SharedAssets.Path("tiny", "llama"), "*.*"))
        {
            File.Copy(file, Path.Combine(source, Path.GetFileName(file)));
        }

        string[] export = ["export", source, "--precision", "int4", "--method", "rtn"];
        var plain = await Tool.RunAsync([.. export, "-o", _folder["plain"]]);
        var tuned = await Tool.RunAsync([.. export, "-o", _folder["tuned"], "--tune", "0.05"]);

        Assert.Equal((0, 0), (plain.Code, tuned.Code));
        Assert.Contains("nats a token; it was", tuned.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["tuned.tuning"]));
        _ = ModelPackage.Open(_folder["tuned"], PackageVerification.Full);
        Assert.Equal(
            File.ReadAllBytes(_folder["plain/model.onnx"]), File.ReadAllBytes(_folder["tuned/model.onnx"]));
    }

    [Fact]
    public async Task Export_TuneOfAFloatPackage_SaysWhatToAdd()
    {
        var run = await Tool.RunAsync(
            "export", SharedAssets.Path("tiny", "llama"), "-o", _folder["out"], "--tune");

        Assert.Equal(1, run.Code);
        Assert.Contains("Add --precision int4", run.Error, StringComparison.Ordinal);
    }
}
