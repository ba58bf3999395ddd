using Slipway.Testing;

namespace Slipway.Cli.Tests;

public sealed class QuantizedSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Inspect_QuantizedCheckpoint_ShowsMethodBitsAndPlainNames()
    {
        var report = (await Tool.RunAsync(
            "inspect", SharedAssets.Path("quantized-checkpoints", "ct-w4a16"), "--json")).Json;

        Assert.Equal("compressed-tensors", (string?)report["quantization"]!["method"]);
        Assert.Equal(14, (int?)report["quantization"]!["weights"]);
        Assert.Equal(4, (int?)Assert.Single(report["quantization"]!["grid_bits"]!.AsArray()));
        Assert.Contains(
            "model.layers.0.mlp.down_proj.weight F32 [192, 320]",
            report["tensors"]!.AsArray().Select(tensor => (string?)tensor));
    }

    [Fact]
    public async Task Export_ActivationsThatAreQuantizedToo_WarnsAndKeepsTheCodes()
    {
        var source = SharedAssets.Path("quantized-checkpoints", "ct-w8a8");
        var export = await Tool.RunAsync("export", source, "-o", _folder["package"], "--precision", "int8");

        Assert.True(export.Code == 0, export.Error);
        Assert.Equal(
            $"slipway: warning: The checkpoint '{source}' prescribes that activations are quantized too "
            + "('input_activations' of its configuration). They stay floats, which is more exact; only its weights are "
            + "read.\n", export.Error);
        var report = (await Tool.RunAsync("inspect", _folder["package"], "--json")).Json;
        Assert.Equal("prequantized", (string?)report["quantization"]!["method"]);
        Assert.Contains(
            "kept, as the source holds them: values of 8 bits in blocks of", export.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_CodesThatInt4CannotHold_Warns()
    {
        var source = SharedAssets.Path("quantized-checkpoints", "fp8-block-qwen3");
        var export = await Tool.RunAsync("export", source, "-o", _folder["package"], "--precision", "int4");

        Assert.True(export.Code == 0, export.Error);
        Assert.Contains(
            $"slipway: warning: 'fp8' stores 14 weights of '{source}', such as "
            + "'model.layers.0.self_attn.q_proj.weight', in a form that int4 cannot hold.", export.Error,
            StringComparison.Ordinal);
    }
}
