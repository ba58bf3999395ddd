using System.Text.Json.Nodes;
using Slipway.Testing;
using Slipway.Training.Data;
using Slipway.Training.Models;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running;

public sealed class TrainerTests
{
    [Fact]
    public void Run_CancelledAndStartedAgain_EqualsAnUninterruptedRunBitForBit()
    {
        using var folder = new TemporaryFolder();
        var whole = Train(folder["whole"], cancelAt: null);
        Assert.Throws<OperationCanceledException>(() => Train(folder["parts"], cancelAt: (0, 4)));
        Assert.Throws<OperationCanceledException>(() => Train(folder["parts"], cancelAt: (1, 3)));
        var parts = Train(folder["parts"], cancelAt: null);
        Assert.Equal(whole, parts);
        Assert.Equal(Log(folder["whole"]), Log(folder["parts"]));
    }

    [Fact]
    public void Run_KilledBetweenCheckpoints_EqualsAnUninterruptedRunBitForBit()
    {
        using var folder = new TemporaryFolder();
        var whole = Train(folder["whole"], cancelAt: null);
        Assert.Throws<InvalidOperationException>(() => Train(folder["parts"], cancelAt: (0, 5), kill: true));
        Assert.Equal(whole, Train(folder["parts"], cancelAt: null));
        Assert.Equal(Log(folder["whole"]), Log(folder["parts"]));
    }

    [Fact]
    public void Run_Finished_ChangesNothingWhenStartedAgain()
    {
        using var folder = new TemporaryFolder();
        var first = Train(folder["run"], cancelAt: null);
        Assert.Equal(first, Train(folder["run"], cancelAt: null));
    }

    [Fact]
    public void Run_OfAnotherRecipe_IsRefused()
    {
        using var folder = new TemporaryFolder();
        Train(folder["run"], cancelAt: null);
        var error = Assert.Throws<TrainingException>(() => Train(folder["run"], cancelAt: null, fingerprint: "other"));
        Assert.Equal(
            $"The folder '{folder["run"]}' holds a run of another recipe. Choose another 'output', or delete the "
            + "folder to start over.", error.Message);
    }

    [Fact]
    public void Run_WithAnAbsurdLearningRate_StopsAtTheFirstLossThatIsNoNumber()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<TrainingException>(() => Train(folder["run"], cancelAt: null, rate: 1e30));
        Assert.Matches(
            @"^Step \d+ of stage 1 \('pretrain'\) has the loss \S+ and the gradient norm NaN; both must be finite "
            + @"numbers\. The learning rate was \S+\. Lower 'learning_rate' or raise 'warmup_steps'\.", error.Message);
    }

    [Fact]
    public void Create_OfAFolderOfAKilledRun_RemovesWhatItHadBegunToWrite()
    {
        using var folder = new TemporaryFolder();
        var files = new TrainerFiles(folder["run"], NumberType.Fp32);
        files.Create();
        var begun = $"{files.State}.{Guid.NewGuid():N}.tmp";
        string[] kept = [files.State, Path.Combine(folder["run"], "mine.tmp"), Path.Combine(folder["run"], "a.b.tmp")];
        foreach (var path in kept.Append(begun))
        {
            File.WriteAllText(path, "x");
        }

        files.Create();
        Assert.False(File.Exists(begun));
        Assert.All(kept, path => Assert.True(File.Exists(path)));
    }

    [Fact]
    public void Run_OverSteps_LowersTheLoss()
    {
        using var folder = new TemporaryFolder();
        Train(folder["run"], cancelAt: null);
        var losses = Log(folder["run"]).Where(line => line.Contains("\"loss\"", StringComparison.Ordinal))
            .Select(line => (double)JsonNode.Parse(line)!["loss"]!).ToArray();
        Assert.True(losses[^1] < losses[0], $"{losses[^1]} against {losses[0]}");
    }

    [Fact]
    public void Run_WithLayersComputedAgain_EndsWithTheSameWeights()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(
            Train(folder["plain"], cancelAt: null), Train(folder["again"], cancelAt: null, checkpoints: true));
    }

    // The losses alone: what a line says of speed differs from run to run.
    private static string[] Log(string folder) => [.. File.ReadLines(Path.Combine(folder, "trainer", "log.jsonl"))
        .Select(line => line.Split(",\"tokens_per_second\"")[0].TrimEnd('}') + "}")];

    private static byte[] Train(
        string folder, (int Stage, long Step)? cancelAt, bool kill = false, string fingerprint = "same",
        double rate = 1e-2, bool checkpoints = false)
    {
        var config = ModelConfig.Parse(JsonNode.Parse("""
            {"architectures": ["LlamaForCausalLM"], "vocab_size": 40, "hidden_size": 32, "intermediate_size": 48,
             "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": true}
            """)!.AsObject(), "test");
        using var model = new CausalLanguageModel(config, seed: 3);
        var data = Data();
        StageRecipe[] recipes =
        [
            Stage(StageKind.Pretrain, rate) with { CheckpointEvery = 3, EvaluateEvery = 4, Accumulation = 2 },
            Stage(StageKind.Sft, rate) with { CheckpointEvery = 2, Optimizer = OptimizerKind.Muon },
        ];
        var stages = recipes.Select((recipe, index) => new TrainerStage(
            recipe with { GradientCheckpointing = checkpoints },
            new StageDataset(data, recipe.Kind, 12), new StageDataset(data, recipe.Kind, 12), seed: index))
            .ToArray();
        var files = new TrainerFiles(folder, NumberType.Fp32);
        files.Create();
        using var cancel = new CancellationTokenSource();
        var progress = new Watcher(report =>
        {
            if (cancelAt is { } at && report.Phase != "evaluate" && (report.Stage, report.Step) == at)
            {
                if (kill)
                {
                    throw new InvalidOperationException("killed");
                }

                cancel.Cancel();
            }
        });
        new Trainer(model, stages, files, fingerprint, threads: 2, progress).Run(cancel.Token);
        return File.ReadAllBytes(Path.Combine(folder, "model.dat"));
    }

    private static StageRecipe Stage(StageKind kind, double rate) => new()
    {
        Kind = kind, Steps = 8, BatchSize = 3, SequenceLength = 12, LearningRate = rate, WarmupSteps = 2,
            WeightDecay = 0.1,
    };

    private static TokenDataset Data()
    {
        var data = new TokenDataset();
        for (var sequence = 0; sequence < 10; sequence++)
        {
            var length = 5 + sequence;
            data.Add(
                [.. Enumerable.Range(0, length).Select(index => ((index * 7) + sequence) % 40)],
                [.. Enumerable.Range(0, length).Select(index => index > 3)]);
        }

        return data;
    }

    private sealed class Watcher(Action<TrainingProgress> watch) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => watch(value);
    }
}
