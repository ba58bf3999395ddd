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
        string source = SharedAssets.Path("torchsharp", name);
        using TemporaryFolder folder = new();
        using (Checkpoint checkpoint = Checkpoint.Open(Path.Combine(source, "model.dat")))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(source, "expected.json")));
        float largest = 0;
        foreach (JsonElement item in expected.RootElement.GetProperty("cases").EnumerateArray())
        {
            int[] ids = [.. item.GetProperty("input_ids").EnumerateArray().Select(id => id.GetInt32())];
            float[] logits = [.. item.GetProperty("last_logits").EnumerateArray().Select(logit => logit.GetSingle())];
            using DecoderRunner runner = new(folder["package"]);
            largest = Math.Max(largest, DecoderParityTests.Difference(runner.Run(ids, keep: 1), logits));
        }

        output.WriteLine($"{name}: largest difference {largest:0.0e+0}");
        Assert.InRange(largest, 0, 1e-4f);
    }
}
