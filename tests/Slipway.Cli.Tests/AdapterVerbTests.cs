using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

public sealed class AdapterVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("attention")]
    [InlineData("all-linear")]
    public async Task Export_AdaptersBesideTheModelOrMerged_GivesTheReference(string name)
    {
        string source = SharedAssets.Path("tiny", "llama"), lora = SharedAssets.Path("lora", "llama");
        var adapter = Path.Combine(lora, name);
        using var expected = Checkpoint.Open(Path.Combine(lora, "expected.safetensors"));
        long[] ids = [.. Read(expected, "input_ids").Select(id => (long)id)];
        SafetensorsWriter.Write(_folder["in.safetensors"], [SafetensorsEntry.From("input_ids", ids, 1, ids.Length)]);
        Assert.Equal(0, (await Tool.RunAsync(
            "export", source, "-o", _folder["beside"], "--adapters", adapter, "--adapters", $"other={adapter}")).Code);
        Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", _folder["merged"], "--adapter", adapter)).Code);

        foreach (var run in (string[][])[[_folder["beside"], "--adapter", name], [_folder["merged"]]])
        {
            Assert.Equal(0, (await Tool.RunAsync(
                ["run", .. run, "-i", _folder["in.safetensors"], "-o", _folder["out.safetensors"]])).Code);
            using var written = Checkpoint.Open(_folder["out.safetensors"]);
            var max = Read(written, "logits").Zip(Read(expected, $"logits.{name}"), (x, y) => Math.Abs(x - y)).Max();
            Assert.InRange(max, 0, 1e-4f);
        }

        var answer = (await Tool.RunAsync(
            "generate", _folder["beside"], "--input-ids", string.Join(',', ids), "--adapter", "other",
            "--max-tokens", "10", "--ignore-eos", "--json")).Json;
        Assert.Equal(Read(expected, $"greedy.{name}"), answer["ids"]!.AsArray().Select(id => (float)(int)id!));
    }

    [Fact]
    public async Task Export_TwoAdaptersOfOneName_AsksForNames()
    {
        var adapter = SharedAssets.Path("lora", "llama", "attention");
        var run = await Tool.RunAsync(
            "export", SharedAssets.Path("tiny", "llama"), "-o", _folder["package"], "--adapters", adapter,
            "--adapters", adapter);
        Assert.NotEqual(0, run.Code);
        Assert.Contains(
            "Two of --adapters have the name 'attention'; give each its own, as NAME=DIR.", run.Error,
            StringComparison.Ordinal);
    }

    private static float[] Read(Checkpoint checkpoint, string name)
    {
        var values = new float[checkpoint.Tensors[name].Count];
        checkpoint.ReadFloats(name, 0, values);
        return values;
    }
}
