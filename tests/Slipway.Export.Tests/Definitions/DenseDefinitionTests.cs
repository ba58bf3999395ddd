using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Testing;

namespace Slipway.Export.Tests.Definitions;

/// <summary>Dense decoders without reference values, against their definitions written down a second time.</summary>
public sealed class DenseDefinitionTests(ITestOutputHelper output)
{
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 21).Select(index => ((index * 17) + 5) % 48)];

    public static TheoryData<string> Names { get; } = new(DenseModels.All.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_Float32_EqualsTheDefinition(string name)
    {
        var definition = DenseModels.All[name];
        ReferenceModel model = new(seed: 7);
        float[] expected = [.. definition.Forward(model, Prompt).SelectMany(row => row).Select(logit => (float)logit)];
        using TemporaryFolder folder = new();
        model.Save(folder["checkpoint"], definition.Config());
        using (var checkpoint = Checkpoint.Open(folder["checkpoint"]))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using DecoderRunner whole = new(folder["package"]);
        using DecoderRunner stepped = new(folder["package"]);
        float[] steps = [.. Prompt.Chunk(4).SelectMany(chunk => stepped.Run(chunk))];
        var max = Math.Max(
            DecoderParityTests.Difference(whole.Run(Prompt), expected), DecoderParityTests.Difference(steps, expected));
        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Generate_UnequalRowsAndSmallChunks_GivesTheTokensOfTheWhole(string name)
    {
        var definition = DenseModels.All[name];
        ReferenceModel model = new(seed: 5);
        definition.Forward(model, [1, 2]);
        using TemporaryFolder folder = new();
        model.Save(folder["checkpoint"], definition.Config());
        using (var checkpoint = Checkpoint.Open(folder["checkpoint"]))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        int[][] prompts = [Prompt, Prompt[..3], Prompt[..10], Prompt[5..12]];
        using var engine = LanguageModel.Load(
            folder["package"], new LanguageModelOptions { MaxPrefillTokens = 5, MaxMixedPrefillTokens = 3 });
        var answers = await Task.WhenAll(
            prompts.Select(prompt => EngineParityTests.AnswerAsync(engine, prompt)));
        using DecoderRunner runner = new(folder["package"]);
        Assert.Equal([.. prompts.Select(prompt => Whole(runner, prompt))], answers);
    }

    // Each token from a pass over the whole sequence.
    private static int[] Whole(DecoderRunner runner, int[] prompt)
    {
        List<int> ids = [.. prompt];
        while (ids.Count < prompt.Length + 12)
        {
            runner.Reset();
            var logits = runner.Run(ids, keep: 1);
            ids.Add(Array.IndexOf(logits, logits.Max()));
        }

        return [.. ids.Skip(prompt.Length)];
    }
}
