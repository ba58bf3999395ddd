using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Export.Tests.Architectures;

public sealed class DecoderParityTests(ITestOutputHelper output)
{
    private static readonly int[] Lengths = [7, 24, 48];

    public static TheoryData<string> Names { get; } = new(
        "deepseek-v3", "gemma2", "gemma3", "gemma4-moe", "gemma4-moe-published", "gpt-neox", "gpt-oss",
        "gpt-oss-yarn", "gpt2", "granite", "granite-hybrid", "granite-hybrid-moe", "llama", "llama-head20",
        "llama-mha", "llama-tied-bias", "llama3-rope", "ministral3", "mistral-window", "mixtral",
        "olmo2", "phi3", "phi3-longrope", "qwen2", "qwen2-yarn", "qwen3",
        "qwen3-moe", "qwen3.5", "smollm3");

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_Float32_EqualsTheReference(string name)
    {
        var source = SharedAssets.Path("tiny", name);
        using TemporaryFolder folder = new();
        using (var checkpoint = Checkpoint.Open(source))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        float max = 0;
        foreach (var length in Lengths)
        {
            var ids = Ints(expected, $"input_ids_{length}");
            var reference = Floats(expected, $"logits_{length}");
            using (DecoderRunner whole = new(folder["package"]))
            {
                max = Math.Max(max, Difference(whole.Run(ids), reference));
            }

            using (DecoderRunner stepped = new(folder["package"]) { PlannedLength = length })
            {
                float[] steps = [.. ids.Chunk(5).SelectMany(chunk => stepped.Run(chunk))];
                max = Math.Max(max, Difference(steps, reference));
            }

            using DecoderRunner greedy = new(folder["package"]);
            var tokens = Ints(expected, $"greedy_{length}");
            Assert.Equal(tokens, greedy.Greedy(ids, tokens.Length));
        }

        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);

        // The README may not claim more, give or take what another processor's order of sums makes.
        using var config = Checkpoint.Open(source);
        var architecture = config.Config["architectures"]![0]!.GetValue<string>();
        Assert.InRange(max, 0, 4 * Assert.NotNull(ArchitecturePageTests.Figures()[architecture]));
    }

    internal static int[] Ints(Checkpoint checkpoint, string name) =>
        [.. Floats(checkpoint, name).Select(value => (int)value)];

    internal static float[] Floats(Checkpoint checkpoint, string name)
    {
        var values = new float[checkpoint.Tensors[name].Count];
        checkpoint.ReadFloats(name, 0, values);
        return values;
    }

    internal static float Difference(float[] actual, float[] expected)
    {
        Assert.Equal(expected.Length, actual.Length);
        return actual.Zip(expected, (x, y) => Math.Abs(x - y)).Max();
    }
}
