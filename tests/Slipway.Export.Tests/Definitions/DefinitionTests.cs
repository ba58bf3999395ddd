using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Testing;

namespace Slipway.Export.Tests.Definitions;

/// <summary>Architectures without reference values, against their definitions written down a second time.</summary>
public sealed class DefinitionTests(ITestOutputHelper output)
{
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 21).Select(index => ((index * 17) + 5) % 48)];

    public static TheoryData<string> Names { get; } = new(SmallModels.All.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_Float32_EqualsTheDefinition(string name)
    {
        var (expected, folder) = Build(name);
        using var owned = folder;
        using (var checkpoint = Checkpoint.Open(folder["checkpoint"]))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using DecoderRunner whole = new(folder["package"]);
        using DecoderRunner stepped = new(folder["package"]) { PlannedLength = Prompt.Length };
        float[] steps = [.. Prompt.Chunk(4).SelectMany(chunk => stepped.Run(chunk))];
        var max = Math.Max(
            DecoderParityTests.Difference(whole.Run(Prompt), expected), DecoderParityTests.Difference(steps, expected));
        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    [Theory]
    [InlineData("deepseek-v2", Precision.Float16, 0.01)]
    [InlineData("deepseek-v2", Precision.Int8, 0.15)]
    [InlineData("granitemoe", Precision.Int8, 0.05)]
    [InlineData("qwen2-moe", Precision.Int8, 0.1)]
    [InlineData("qwen2-moe", Precision.Int4, 0.3)]
    [InlineData("qwen2-moe-odd-sizes", Precision.Float16, 0.01)]
    [InlineData("qwen2-moe-odd-sizes", Precision.Int8, 0.1)]
    [InlineData("qwen2-moe-odd-sizes", Precision.Int4, 0.3)]
    public void Export_FewerBits_StaysNearTheDefinition(string name, Precision precision, double max)
    {
        var (expected, folder) = Build(name);
        using var owned = folder;
        using (var checkpoint = Checkpoint.Open(folder["checkpoint"]))
        {
            Exporter.Export(checkpoint, folder["package"], new ExportOptions { Precision = precision });
        }

        using DecoderRunner runner = new(folder["package"]);
        var logits = runner.Run(Prompt);
        var distance = Math.Sqrt(logits.Zip(expected, (x, y) => (x - y) * (x - y)).Average());
        var size = Math.Sqrt(expected.Average(value => value * value));
        output.WriteLine($"{name} {precision}: {distance / size:0.000} of the logits' size");
        Assert.InRange(distance / size, 0, max);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Generate_UnequalRowsInTheEngine_GivesTheTokensOfTheGraphAlone(string name)
    {
        var (_, folder) = Build(name);
        using var owned = folder;
        using (var checkpoint = Checkpoint.Open(folder["checkpoint"]))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        int[][] prompts = [Prompt, Prompt[..6], Prompt[3..4], Prompt[2..17]];
        int[][] expected = [.. prompts.Select(prompt =>
        {
            using DecoderRunner runner = new(folder["package"]);
            return runner.Greedy(prompt, 10);
        })];
        using var model = LanguageModel.Load(
            folder["package"], new LanguageModelOptions { MaxPrefillTokens = 4, MaxMixedPrefillTokens = 3 });

        var answers = await Task.WhenAll(prompts.Select(prompt => EngineParityTests.AnswerAsync(model, prompt, 10)));

        Assert.Equal(expected, answers);
    }

    private static (float[] Expected, TemporaryFolder Folder) Build(string name)
    {
        var definition = SmallModels.All[name];
        ReferenceModel model = new(seed: 7);
        float[] expected = [.. definition.Forward(model, Prompt).SelectMany(row => row).Select(logit => (float)logit)];
        TemporaryFolder folder = new();
        model.Save(folder["checkpoint"], definition.Config());
        return (expected, folder);
    }
}
