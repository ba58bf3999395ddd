using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Tokenization;
using Slipway.Training.Data;
using Slipway.Training.Models;
using Slipway.Training.Optimization;
using Slipway.Training.Recipes;
using Slipway.Training.Running;

namespace TrainingPeers;

/// <summary>Holds the start and the batches of a stage, and their files for other programs.</summary>
internal sealed class TrainingWork : IDisposable
{
    private readonly ModelConfig _config;
    private readonly Recipe _recipe;
    private readonly StageData _data;

    private TrainingWork(ModelConfig config, Recipe recipe, StageData data, int threads)
    {
        (_config, _recipe, _data, Threads) = (config, recipe, data, threads);
        Directory.CreateDirectory(Folder);
        Batches = [.. Enumerable.Range(0, (int)recipe.Stages[0].Steps!.Value).Select(step =>
        {
            using var batch = Stage().Batches(step, 1, CancellationToken.None).Single();
            return new WrittenBatch(
                [.. batch.Tokens.Layout.Lengths], batch.Tokens.Ids.data<long>().ToArray(),
                batch.Tokens.Positions.data<long>().ToArray(), batch.Tokens.Targets.data<long>().ToArray());
        })];
        Write();
    }

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), $"training-peers-{Guid.NewGuid():N}");

    public int Threads { get; }

    public IReadOnlyList<WrittenBatch> Batches { get; }

    public string Fingerprint => _recipe.Fingerprint;

    public static TrainingWork Create(string path, string tokenizer, int steps, int threads, bool ownOptimizer)
    {
        var recipe = RecipeReader.Read(path);
        var first = recipe.Stages[0];
        recipe = recipe with
        {
            Stages =
            [
                first with
                {
                    Steps = steps, EvaluateEvery = 0, CheckpointEvery = 0, Samples = [], WarmupSteps = 0,
                    Schedule = ScheduleKind.Constant, LearningRate = ownOptimizer ? first.LearningRate : 1e-3,
                    Optimizer = ownOptimizer ? first.Optimizer : OptimizerKind.AdamW,
                },
            ],
            Data = recipe.Data with
            {
                TrainingConversations = Math.Min(recipe.Data.TrainingConversations, 2 * steps * first.BatchSize),
                EvaluationConversations = 1,
            },
        };
        var words = HuggingFaceTokenizer.Load(tokenizer);
        var json = (JsonObject)recipe.Model.DeepClone();
        json["vocab_size"] = words.VocabularySize;
        var (training, _) = new RunData(recipe).Tokenize(
            words, first.SequenceLength, null, CancellationToken.None);
        return new TrainingWork(
            ModelConfig.Parse(json, path), recipe, new StageDataset(training, first.Kind, first.SequenceLength),
            threads);
    }

    public CausalLanguageModel Model() => new(_config, _recipe.Seed);

    public TrainerStage Stage() => new(_recipe.Stages[0], _data, null, _recipe.Seed);

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void Write()
    {
        using var model = Model();
        SafetensorsWriter.Write(Path.Combine(Folder, "weights.safetensors"),
            [.. model.TrainableParameters.Select(one => TensorEntries.Of(one.Name, one.Weight))]);
        var stage = _recipe.Stages[0];
        File.WriteAllText(Path.Combine(Folder, "batches.json"), new JsonObject
        {
            ["config"] = _config.ToJson(),
            ["learning_rate"] = stage.LearningRate,
            ["weight_decay"] = stage.WeightDecay,
            ["gradient_clip"] = stage.GradientClip,
            ["batches"] = JsonSerializer.SerializeToNode(Batches, JsonSerializerOptions.Web),
        }.ToJsonString());
    }
}

/// <summary>Holds a step's sequences, one after the other.</summary>
internal sealed record WrittenBatch(long[] Lengths, long[] Ids, long[] Positions, long[] Targets);
