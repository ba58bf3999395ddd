using Slipway.Training.Data;
using Slipway.Training.Optimization;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running;

/// <summary>Joins a stage's recipe with its data: how many steps there are and what each step sees.</summary>
internal sealed class TrainerStage
{
    private readonly EpochOrder _order;

    public TrainerStage(StageRecipe recipe, StageDataset training, StageDataset? evaluation, long seed)
    {
        (Recipe, Training, Evaluation) = (recipe, training, evaluation);
        _order = new EpochOrder(training.Count, seed);
        var perStep = (double)recipe.BatchSize * recipe.Accumulation;
        Steps = recipe.Steps ?? Math.Max(1, (long)Math.Ceiling(recipe.Epochs!.Value * training.Count / perStep));
        TokensPerStep = perStep * training.Tokens / training.Count;
        Schedule = new LearningRateSchedule(
            recipe.LearningRate, Steps, recipe.WarmupSteps, recipe.MinimumLearningRate);
    }

    public StageRecipe Recipe { get; }

    public StageDataset Training { get; }

    public StageDataset? Evaluation { get; }

    public LearningRateSchedule Schedule { get; }

    /// <summary>The number of optimizer steps.</summary>
    public long Steps { get; }

    /// <summary>The tokens of a step, on average.</summary>
    public double TokensPerStep { get; }

    public string Name => Recipe.Kind == StageKind.Sft ? "sft" : "pretrain";

    /// <summary>Gathers the batches of a step.</summary>
    public TokenBatch[] Batches(long step)
    {
        var place = checked(step * Recipe.BatchSize * Recipe.Accumulation);
        var batches = new TokenBatch[Recipe.Accumulation];
        var sequences = new int[Recipe.BatchSize];
        for (var batch = 0; batch < batches.Length; batch++)
        {
            for (var index = 0; index < sequences.Length; index++)
            {
                sequences[index] = _order.At(place++);
            }

            batches[batch] = new TokenBatch(Training, sequences);
        }

        return batches;
    }
}
