using Slipway.Tokenization;
using Slipway.Training.Data;
using Slipway.Training.Losses;
using Slipway.Training.Models;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running;

/// <summary>Joins the stages of a recipe with their data.</summary>
internal sealed class RunStages(
    Recipe recipe, CausalLanguageModel model, CausalLanguageModel? teacher, string source)
{
    public List<TrainerStage> Read(
        RunData data, HuggingFaceTokenizer tokenizer, IProgress<TrainingProgress>? progress,
        CancellationToken cancellationToken)
    {
        var tokenized = new Dictionary<int, (TokenDataset Training, TokenDataset? Evaluation)>();
        var stages = new List<TrainerStage>();
        foreach (var (stage, index) in recipe.Stages.Select((stage, index) => (stage, index)))
        {
            var key = recipe.Data.Text is null ? 0 : stage.SequenceLength;
            if (!tokenized.TryGetValue(key, out var sets))
            {
                sets = data.Tokenize(tokenizer, stage.SequenceLength, progress, cancellationToken);
                CheckIds(sets.Training);
                tokenized.Add(key, sets);
            }

            var training = Show(sets.Training, stage);
            if (training.Count == 0)
            {
                throw new TrainingException(
                    $"Stage {index + 1} of '{source}' has nothing to learn: none of the {sets.Training.Count} "
                    + $"sequences holds a token to learn within 'sequence_length' {stage.SequenceLength}. Raise it, or "
                    + "give more data.");
            }

            var evaluation = sets.Evaluation is { } heldOut ? Show(heldOut, stage) : null;
            stages.Add(new TrainerStage(stage, training, evaluation, unchecked((recipe.Seed * 1_000_003) + index)));
        }

        return stages;
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
