using System.Text.Json;
using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Export.Tests.Architectures;

public sealed class TorchSharpParityTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("llama-f32")]
    [InlineData("qwen2-bf16")]
    public void Export_TorchSharpCheckpoint_EqualsItsModule(string name)
    {
        var source = SharedAssets.Path("torchsharp", name);
        using TemporaryFolder folder = new();
        using (var checkpoint = Checkpoint.Open(Path.Combine(source, "model.dat")))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using var expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(source, "expected.json")));
        float max = 0;
        foreach (var item in expected.RootElement.GetProperty("cases").EnumerateArray())
        {
            int[] ids = [.. item.GetProperty("input_ids").EnumerateArray().Select(id => id.GetInt32())];
            float[] logits = [.. item.GetProperty("last_logits").EnumerateArray().Select(logit => logit.GetSingle())];
            using DecoderRunner runner = new(folder["package"]);
            max = Math.Max(max, DecoderParityTests.Difference(runner.Run(ids, keep: 1), logits));
        }

        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }
}
