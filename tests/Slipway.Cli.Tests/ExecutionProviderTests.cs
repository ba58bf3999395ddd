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
    public async Task Doctor_OfThisMachine_NamesTheDevicesThatVerbsTake()
    {
        var devices = (await Tool.RunAsync("doctor", "--json")).Json["onnx_runtime"]!["devices"]!.AsArray();

        Assert.Equal("cpu", (string?)devices[^1]);
    }
}
