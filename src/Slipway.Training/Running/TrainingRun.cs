using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Tokenization;
using Slipway.Torch;
using Slipway.Training.Adapters;
using Slipway.Training.Models;
using Slipway.Training.Recipes;
using Slipway.Training.Rollouts;
using Slipway.Training.Running.Encoders;

namespace Slipway.Training.Running;

/// <summary>Trains a model as a recipe says.</summary>
public static class TrainingRun
{
    /// <summary>
    /// Runs a recipe from its start, or from where an earlier call of the same recipe was interrupted.
    /// </summary>
    /// <remarks>
    /// Writes <c>model.dat</c>, <c>config.json</c>, <c>tokenizer.json</c>, <c>tokenizer_config.json</c>,
    /// <c>chat_template.jinja</c> and <c>generation_config.json</c> into the recipe's output folder, and the state of
    /// the run, its log, its loss curve and a page for people, <c>report.html</c>, into <c>trainer/</c> there. Every
    /// file is replaced whole or not at all. A run that was cancelled or killed and goes on ends with the same
    /// weights, bit for bit, as one that was not, where rewards are the same again: programs near their time limit may
    /// not be. Sets the process's number of threads. One run at a time in a process.
    /// </remarks>
    /// <param name="recipePath">The recipe file.</param>
    /// <param name="progress">
    /// Told of each step on the calling thread, and of an evaluation's batches by one of the run's threads at a time.
    /// </param>
    /// <param name="rollouts">Writes and rewards answers, for stages that learn from them; null for none.</param>
    /// <param name="cancellationToken">Stops between two steps, after writing a checkpoint.</param>
    /// <exception cref="RecipeException">The recipe cannot be used.</exception>
    /// <exception cref="CheckpointException">The recipe's <c>start</c> does not hold its model's weights.</exception>
    /// <exception cref="TrainingException">The data, the folder or the numbers do not allow to go on.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static TrainingReport Start(
        string recipePath, IProgress<TrainingProgress>? progress = null, IRollouts? rollouts = null,
        CancellationToken cancellationToken = default) =>
        Start(RecipeReader.Read(recipePath), recipePath, progress, rollouts, cancellationToken);

    private static TrainingReport Start(
        Recipe recipe, string source, IProgress<TrainingProgress>? progress, IRollouts? rollouts,
        CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        NativeTorch.Require(recipe.Name);
        CheckRollouts(recipe, rollouts, source);
        var files = new TrainerFiles(recipe.Output, recipe.SavePrecision);
        TrainerState.CheckFingerprint(files.State, recipe.Fingerprint);
        var run = new Run(recipe, source, files, progress, started);
        return EncoderRun.Is(recipe) ? TrainEncoder(run, cancellationToken)
            : TrainDecoder(run, rollouts, cancellationToken);
    }

    private static TrainingReport TrainEncoder(Run run, CancellationToken cancellationToken)
    {
        var (model, stages) = new EncoderRun(run.Recipe, run.Source, run.Files, run.Progress).Prepare(
            cancellationToken);
        using var owned = (IDisposable)model;
        return run.Train(model, stages, cancellationToken);
    }

    private static TrainingReport TrainDecoder(Run run, IRollouts? rollouts, CancellationToken cancellationToken)
    {
        var (recipe, source, files, progress, _) = run;
        var data = new RunData(recipe);
        using var start = recipe.Start is null ? null : Checkpoint.Open(recipe.Start);
        recipe = recipe.Model.Count == 0 ? recipe with { Model = (JsonObject)start!.Config.DeepClone() } : recipe;
        CheckModel(recipe, source);
        files.Create();
        var tokenizer = RunTokenizer.Get(recipe.Tokenizer, files, data.Texts, progress, cancellationToken);
        var config = ModelConfig.Parse(Complete(recipe, tokenizer), source);
        CheckContext(recipe, config, source);
        WriteFiles(files, recipe, config, data.TemplateText);
        using var model = new CausalLanguageModel(config, recipe.Seed);
        if (start is not null)
        {
            CheckpointWeights.Load(model, start);
        }

        // The mistakes are the start's, before an adapter or codes of 4 bits change how its weights are held.
        if (recipe.Data.Mistakes is not null)
        {
            new MistakePairs(recipe, model, rollouts!, files, progress).Write(data, tokenizer, cancellationToken);
            recipe = recipe with { Data = recipe.Data with { Preferences = files.Mistakes } };
            data = new RunData(recipe);
        }

        using var adapter = Adapt(model, recipe);
        using var teacher = LoadTeacher(recipe, config);

        var stages = new RunStages(recipe, model, teacher, rollouts, files, source).Read(
            data, tokenizer, progress, cancellationToken);
        return run.Train(model, stages, cancellationToken);
    }

    // Found before the data is read: a long preparation must not end in a spelling mistake.
    private static void CheckModel(Recipe recipe, string source)
    {
        var json = (JsonObject)recipe.Model.DeepClone();
        json["vocab_size"] ??= recipe.Tokenizer.Train?.VocabSize ?? 257;
        CheckContext(recipe, ModelConfig.Parse(json, source), source);
    }

    private static void CheckContext(Recipe recipe, ModelConfig config, string source)
    {
        foreach (var (stage, index) in recipe.Stages.Select((stage, index) => (stage, index)))
        {
            if (stage.SequenceLength > config.MaxPositionEmbeddings)
            {
                throw new RecipeException(source,
                [
                    $"'stages[{index}].sequence_length' is '{stage.SequenceLength}'; expected at most "
                    + $"'max_position_embeddings' of 'model', {config.MaxPositionEmbeddings}.",
                ]);
            }
        }
    }

    private static JsonObject Complete(Recipe recipe, HuggingFaceTokenizer tokenizer)
    {
        var json = (JsonObject)recipe.Model.DeepClone();
        var end = tokenizer.TokenToId(recipe.Tokenizer.EndToken)!.Value;
        json["vocab_size"] ??= tokenizer.VocabularySize;
        json["eos_token_id"] ??= end;
        json["pad_token_id"] ??= end;
        json["hidden_act"] ??= "silu";
        json["torch_dtype"] = recipe.SavePrecision switch
        {
            NumberType.Bf16 => "bfloat16",
            NumberType.Fp16 => "float16",
            _ => "float32",
        };
        return json["vocab_size"] is JsonValue size && size.TryGetValue(out int number)
            && number < tokenizer.VocabularySize
            ? throw new TrainingException(
                $"'model.vocab_size' is {number}, but the tokenizer has {tokenizer.VocabularySize} tokens. Raise it, "
                + "or leave it out to follow the tokenizer.")
            : json;
    }

    private static ModelAdapter? Adapt(CausalLanguageModel model, Recipe recipe)
    {
        if (recipe.BaseQuantization is { } type)
        {
            model.Freeze(type);
        }

        return recipe.Adapter is { } config
            ? ModelAdapter.Attach(model, config with { BaseModel = config.BaseModel ?? recipe.Start }, recipe.Seed)
            : null;
    }

    private static void CheckRollouts(Recipe recipe, IRollouts? rollouts, string source)
    {
        var all = recipe.Stages.Select((stage, index) => (Place: $"stages[{index}]", stage.Rollouts))
            .Append(("data.mistakes", recipe.Data.Mistakes));
        foreach (var (place, settings) in all)
        {
            if (settings is null)
            {
                continue;
            }

            try
            {
                (rollouts ?? throw new ArgumentException(
                    "needs answers of the model, and none writes them. Give 'rollouts', such as OnnxRollouts of "
                    + "Slipway.Rollouts.", nameof(rollouts))).Check(settings);
            }
            catch (ArgumentException error)
            {
                throw new RecipeException(source, [$"'{place}': {error.Message}"]);
            }
        }
    }

    private static CausalLanguageModel? LoadTeacher(Recipe recipe, ModelConfig config)
    {
        // A policy is held to the model that it starts from.
        var path = recipe.Teacher ?? (recipe.Stages.Any(stage => stage.Rollouts?.Beta > 0) ? recipe.Start : null);
        if (path is null)
        {
            return null;
        }

        using var checkpoint = Checkpoint.Open(path);
        var settings = ModelConfig.Parse(checkpoint.Config, path);
        if (settings.VocabSize != config.VocabSize)
        {
            throw new TrainingException(
                $"The teacher '{path}' has a vocabulary of {settings.VocabSize} tokens, the model one of "
                + $"{config.VocabSize}. Distributions over other tokens cannot be learned: name a teacher with the "
                + "same tokenizer.");
        }

        var teacher = new CausalLanguageModel(settings);
        try
        {
            CheckpointWeights.Load(teacher, checkpoint);
            return teacher;
        }
        catch
        {
            teacher.Dispose();
            throw;
        }
    }

    // A folder of an adapter is no checkpoint, and has no configuration of one.
    private static void WriteFiles(TrainerFiles files, Recipe recipe, ModelConfig config, string? template)
    {
        var json = config.ToJson();
        if (recipe.Adapter is null)
        {
            files.Write("config.json", json);
            files.Write("generation_config.json", new JsonObject
            {
                ["do_sample"] = false,
                ["eos_token_id"] = json["eos_token_id"]!.DeepClone(),
                ["pad_token_id"] = json["pad_token_id"]!.DeepClone(),
            });
        }

        RunTokenizer.WriteConfig(files, recipe.Tokenizer, config.MaxPositionEmbeddings);
        if (template is not null)
        {
            files.Write("chat_template.jinja", Encoding.UTF8.GetBytes(template));
        }
    }

    // What a run of any model ends with.
    private sealed record Run(
        Recipe Recipe, string Source, TrainerFiles Files, IProgress<TrainingProgress>? Progress, long Started)
    {
        public TrainingReport Train(
            ITrainedModel model, List<TrainerStage> stages, CancellationToken cancellationToken)
        {
            var threads = Recipe.Threads == 0 ? Environment.ProcessorCount : Recipe.Threads;
            var (tokens, speed, reports) = new Trainer(
                model, stages, Files, Recipe.Fingerprint, threads, Progress).Run(cancellationToken);
            Files.WriteModel(model);
            using var process = Process.GetCurrentProcess();
            var report = new TrainingReport(
                Recipe.Output, model.TrainableParameters.Sum(one => one.Weight.numel()),
                stages.Sum(stage => stage.Steps), tokens,
                Stopwatch.GetElapsedTime(Started).TotalSeconds, speed, reports)
            {
                PeakMemoryBytes = process.PeakWorkingSet64,
            };
            var rows = TrainingLog.Read(Files.Log);
            Files.Write(Files.LossCurve, LossCurve.Draw(Recipe.Name, rows));
            Files.Write(Files.Page, RunPage.Of(Recipe.Name, File.ReadAllText(Source), report, rows));
            return report;
        }
    }
}
