using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>Says on the command line what runs a model.</summary>
public sealed class ExecutionProviderTests
{
    private static readonly string Package = Path.Combine(
        SharedAssets.Repository, "models", "device-assistant", "int4");

    [Theory]
    [InlineData("gpu", "'gpu' is no execution provider; expected one of 'auto', 'cuda', 'directml' and 'cpu'")]
    [InlineData("cuda:-1", "'cuda:-1' names no device of 'cuda'")]
    [InlineData("", "ExecutionProviders is empty")]
    [InlineData("directml", "reference the package 'Slipway.DirectML' in the place of 'Slipway.Cpu'")]
    public async Task Device_ThatIsNone_EndsTheVerbAndSaysWhy(string device, string expected)
    {
        var run = await Tool.RunAsync("generate", Package, "--prompt", "on", "--max-tokens", "2", "--device", device);

        Assert.Equal(1, run.Code);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Device_WithTheProcessorBehindIt_AnswersAsTheProcessorAndSaysWhy()
    {
        string[] verb = ["generate", Package, "--prompt", "on", "--max-tokens", "8"];
        var plain = await Tool.RunAsync(verb);
        var run = await Tool.RunAsync([.. verb, "--execution-provider", "directml,cpu"]);

        Assert.Equal((0, plain.Output), (run.Code, run.Output));
        Assert.Contains("runs on 'cpu', as what stands before it", run.Error, StringComparison.Ordinal);
        Assert.Equal("", plain.Error);
    }

    [Theory]
    [InlineData("cuda.gpu_mem_limit", "is not of the form PROVIDER.NAME=VALUE")]
    [InlineData("gpu_mem_limit=1", "is not of the form PROVIDER.NAME=VALUE")]
    [InlineData("tensorrt.x=1", "ExecutionProviderOptions has 'tensorrt'; expected 'cuda' or 'directml'.")]
    public async Task ProviderOption_ThatIsNone_EndsTheVerbAndSaysWhy(string option, string expected)
    {
        var run = await Tool.RunAsync("generate", Package, "--prompt", "on", "--provider-option", option);

        Assert.Equal(1, run.Code);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_ForADevice_WritesItsGraphOrSaysWhyNot()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = SmallPackage.WriteCheckpoint(folder);
        string[] verb = ["export", checkpoint, "-o", folder["package"], "--precision", "int4", "--json", "--device"];

        var unknown = await Tool.RunAsync([.. verb, "gpu"]);
        Assert.Equal(1, unknown.Code);
        Assert.Contains("Choose one of 'cpu', 'cuda' and 'directml'.", unknown.Error, StringComparison.Ordinal);
        var refused = await Tool.RunAsync([.. verb, "directml,cpu"]);
        Assert.Equal(1, refused.Code);
        Assert.Contains("'directml' has no kernels for", refused.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["package"]));
        Assert.Equal(0, (await Tool.RunAsync([.. verb, "cuda, cpu"])).Code);
        Assert.True(File.Exists(folder[Path.Combine("package", "gpu.onnx")]));
        var run = await Tool.RunAsync(
            "generate", folder["package"], "--input-ids", "5,6,7", "--max-tokens", "4", "--ignore-eos");
        Assert.Equal(0, run.Code);
    }

    [Fact]
    public async Task Doctor_OfThisMachine_NamesTheDevicesThatVerbsTake()
    {
        var devices = (await Tool.RunAsync("doctor", "--json")).Json["onnx_runtime"]!["devices"]!.AsArray();

        Assert.Equal("cpu", (string?)devices[^1]);
    }
}
