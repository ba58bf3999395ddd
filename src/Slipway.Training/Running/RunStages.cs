using Slipway.Tokenization;
using Slipway.Training.Data;
using Slipway.Training.Losses;
using Slipway.Training.Models;
using Slipway.Training.Recipes;
using Slipway.Training.Rollouts;

namespace Slipway.Training.Running;

/// <summary>Joins the stages of a recipe with their data.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="model">The model that is trained.</param>
/// <param name="teacher">The model that is distilled, or that a policy is held to; null for none.</param>
/// <param name="rollouts">Writes answers; null where no stage needs them.</param>
/// <param name="files">The run's folder.</param>
/// <param name="source">The recipe's file.</param>
internal sealed class RunStages(
    Recipe recipe, CausalLanguageModel model, CausalLanguageModel? teacher, IRollouts? rollouts, TrainerFiles files,
    string source)
{
    public List<TrainerStage> Read(
        RunData data, HuggingFaceTokenizer tokenizer, IProgress<TrainingProgress>? progress,
        CancellationToken cancellationToken)
    {
        var tokenized = new Dictionary<int, (TokenDataset Training, TokenDataset? Evaluation)>();
        var stages = new List<TrainerStage>();
        foreach (var (stage, index) in recipe.Stages.Select((stage, index) => (stage, index)))
        {
            var seed = unchecked((recipe.Seed * 1_000_003) + index);
            if (stage.Rollouts is { } settings)
            {
                var answered = Answered(stage, settings, data, tokenizer, cancellationToken);
                stages.Add(new TrainerStage(stage, Learnable(answered, answered.LeftOut, index), null, seed)
                {
                    Samples = data.Samples(stage, tokenizer),
                });
                continue;
            }

            var key = recipe.Data.Text is null ? 0 : stage.SequenceLength;
            if (!tokenized.TryGetValue(key, out var sets))
            {
                sets = data.Tokenize(tokenizer, stage.SequenceLength, progress, cancellationToken);
                CheckIds(sets.Training);
                tokenized.Add(key, sets);
            }

            var training = Learnable(Show(sets.Training, stage), sets.Training.Count, index);
            var evaluation = sets.Evaluation is { } heldOut ? Show(heldOut, stage) : null;
            stages.Add(new TrainerStage(stage, training, evaluation, seed)
            {
                Samples = data.Samples(stage, tokenizer),
            });
        }

        return stages;
    }

    private StageData Learnable(StageData data, int sequences, int stage) => data.Count > 0 ? data
        : throw new TrainingException(
            $"Stage {stage + 1} of '{source}' has nothing to learn: none of the {sequences} sequences holds a token to "
            + $"learn within 'sequence_length' {recipe.Stages[stage].SequenceLength}. Raise it, or give more data.");

    private RolloutStageData Answered(
        StageRecipe stage, RolloutRecipe settings, RunData data, HuggingFaceTokenizer tokenizer,
        CancellationToken cancellationToken)
    {
        var (conversations, leftOut) = data.Prompts(
            tokenizer, stage.SequenceLength - settings.MaxAnswerTokens, cancellationToken);
        return new RolloutStageData(
            conversations, leftOut, model, rollouts!, settings, stage.SequenceLength, files.Texts(),
            settings.Beta > 0 ? teacher : null);
    }

    private StageData Show(TokenDataset data, StageRecipe stage)
    {
        var added = AddedTokens.Of(model);
        if (stage.Preference is { } loss)
        {
            return new PreferenceStageData(data, loss, stage.SequenceLength, added);
        }

        ITokenObjective objective = stage.Distillation is { } distillation
            ? new DistillationObjective(teacher!, distillation) : new CrossEntropyObjective(stage.Loss);
        return new StageDataset(data, stage.Kind, stage.SequenceLength, objective, added);
    }

    // A tokenizer beside the model may know more tokens than its embedding has rows.
    private void CheckIds(TokenDataset data)
    {
        for (var sequence = 0; sequence < data.Count; sequence++)
        {
            var largest = 0;
            foreach (var id in data.Ids(sequence))
            {
                largest = Math.Max(largest, id);
            }

            if (largest >= model.Config.VocabSize)
            {
                throw new TrainingException(
                    $"Sequence {sequence + 1} of the data of '{source}' holds the token {largest}; the model has "
                    + $"{model.Config.VocabSize} tokens. Use the tokenizer that the model was trained with.");
            }
        }
    }
}
