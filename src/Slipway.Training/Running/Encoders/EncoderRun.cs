using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Tokenization;
using Slipway.Training.Data.Encoders;
using Slipway.Training.Methods;
using Slipway.Training.Models;
using Slipway.Training.Models.Encoders;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running.Encoders;

/// <summary>Prepares the run of an encoder: its model, its data and the files beside its weights.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="source">The recipe's file.</param>
/// <param name="files">The run's folder.</param>
/// <param name="progress">Told of what is prepared.</param>
internal sealed class EncoderRun(
    Recipe recipe, string source, TrainerFiles files, IProgress<TrainingProgress>? progress)
{
    private static readonly string[] Copied = ["tokenizer_config.json", "special_tokens_map.json"];

    private readonly EncoderTask _task = TrainingMethods.Of(recipe.Stages[0].Kind).Task!.Value;

    /// <summary>Tells whether a recipe trains an encoder.</summary>
    public static bool Is(Recipe recipe) => TrainingMethods.Of(recipe.Stages[0].Kind).Task is not null;

    /// <summary>Prepares all.</summary>
    /// <returns>The model, which is the caller's to release, and its stages.</returns>
    public (ITrainedModel Model, List<TrainerStage> Stages) Prepare(CancellationToken cancellationToken)
    {
        using var start = recipe.Start is null ? null : Checkpoint.Open(recipe.Start);
        var data = new EncoderRunData(recipe);
        var own = Parse(start, recipe.Tokenizer.Train?.VocabSize ?? 257);
        CheckContext(own);
        files.Create();
        var fromStart = recipe.Tokenizer is { Path: null, Train: null };
        var tokenizer = RunTokenizer.Get(
            fromStart ? recipe.Tokenizer with { Path = recipe.Start } : recipe.Tokenizer, files, data.Texts, progress,
            cancellationToken);
        own = Parse(start, tokenizer.VocabularySize, tokenizer);
        var labels = _task is EncoderTask.SequenceClassification or EncoderTask.TokenClassification
            ? Labels(own, start, data) : null;
        var model = Create(own, start, labels);
        try
        {
            var encoder = (model as SentenceModel)?.Encoder ?? (EncoderModel)model;
            var json = encoder.Config.ToJson();
            json["torch_dtype"] = recipe.SavePrecision switch
            {
                NumberType.Bf16 => "bfloat16",
                NumberType.Fp16 => "float16",
                _ => "float32",
            };
            files.Write("config.json", json);
            WriteTokenizerFiles(fromStart ? start : null, encoder.Config.LongestSequence);
            return (model, Stages(data, tokenizer, labels, encoder.Config.VocabSize));
        }
        catch
        {
            (model as IDisposable)?.Dispose();
            throw;
        }
    }

    private List<TrainerStage> Stages(
        EncoderRunData data, HuggingFaceTokenizer tokenizer, LabelNames? labels, int vocabulary)
    {
        if (tokenizer.VocabularySize > vocabulary)
        {
            throw new TrainingException(
                $"The tokenizer has {tokenizer.VocabularySize} tokens and the model of '{source}' {vocabulary}. Use "
                + "the tokenizer that the model was trained with, or raise 'vocab_size'.");
        }

        return [.. recipe.Stages.Select((stage, index) =>
        {
            progress?.Report(new TrainingProgress("tokenize", -1, 0, 0));
            var training = data.Read(stage, tokenizer, labels, isTraining: true)!;
            return training.Count == 0 ? throw new TrainingException(
                $"Stage {index + 1} of '{source}' has nothing to learn: its data holds no example. Give more data.")
                : new TrainerStage(
                    stage, training, data.Read(stage, tokenizer, labels, isTraining: false),
                    unchecked((recipe.Seed * 1_000_003) + index));
        })];
    }

    private EncoderConfig Parse(Checkpoint? start, int vocabulary, HuggingFaceTokenizer? tokenizer = null)
    {
        if (start is not null)
        {
            return EncoderConfig.Parse(start.Config, start.Path);
        }

        var json = (JsonObject)recipe.Model.DeepClone();
        json["vocab_size"] ??= vocabulary;
        if (tokenizer?.TokenToId(recipe.Tokenizer.EndToken) is { } end)
        {
            json["pad_token_id"] ??= end;
        }

        return EncoderConfig.Parse(json, source);
    }

    private void CheckContext(EncoderConfig config)
    {
        foreach (var (stage, index) in recipe.Stages.Select((stage, index) => (stage, index)))
        {
            if (stage.SequenceLength > config.LongestSequence)
            {
                throw new RecipeException(source,
                [
                    $"'stages[{index}].sequence_length' is '{stage.SequenceLength}'; expected at most the "
                    + $"{config.LongestSequence} tokens that 'max_position_embeddings' of the model allows.",
                ]);
            }
        }
    }

    // The recipe's, or else those of a start that tells the same, or else those of the data.
    private LabelNames Labels(EncoderConfig own, Checkpoint? start, EncoderRunData data)
    {
        if (recipe.Labels is { } named)
        {
            return new LabelNames(named);
        }

        if (start is not null && own.Task == _task && own.ToJson()["id2label"] is JsonObject names)
        {
            return new LabelNames([.. Enumerable.Range(0, names.Count).Select(id => $"{names[$"{id}"]}")]);
        }

        var labels = data.Labels().ToList();
        return labels.Count > 0 ? LabelNames.Of(labels) : throw new TrainingException(
            $"The data of '{source}' holds no example, so there are no labels. Give more data.");
    }

    private ITrainedModel Create(EncoderConfig own, Checkpoint? start, LabelNames? labels)
    {
        if (_task == EncoderTask.States)
        {
            return start is not null ? SentenceModel.Load(start)
                : new SentenceModel(new EncoderModel(own.For(_task), recipe.Seed));
        }

        return start is not null ? EncoderModel.Load(start, _task, labels?.Names, recipe.Seed)
            : new EncoderModel(own.For(_task, labels?.Names), recipe.Seed);
    }

    private void WriteTokenizerFiles(Checkpoint? start, int longest)
    {
        if (start is null)
        {
            RunTokenizer.WriteConfig(files, recipe.Tokenizer, longest);
            return;
        }

        foreach (var name in Copied)
        {
            if (start.ReadFile(name) is { } content)
            {
                files.Write(name, content);
            }
        }
    }
}
