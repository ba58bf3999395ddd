using Slipway.Training.Data;
using Slipway.Training.Methods;
using Slipway.Training.Optimization;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running;

/// <summary>Joins a stage's recipe with its data: how many steps there are and what each step sees.</summary>
internal sealed class TrainerStage
{
    private readonly EpochOrder _order;
    private readonly long _seed;

    public TrainerStage(StageRecipe recipe, StageData training, StageData? evaluation, long seed)
    {
        (Recipe, Training, Evaluation) = (recipe, training, evaluation);
        (_seed, _order) = (seed, new EpochOrder(training.Count, seed));
        var perStep = (double)recipe.BatchSize * recipe.Accumulation;
        Steps = recipe.Steps ?? Math.Max(1, (long)Math.Ceiling(recipe.Epochs!.Value * training.Count / perStep));
        Schedule = new LearningRateSchedule(
            recipe.LearningRate, Steps, recipe.WarmupSteps, recipe.MinimumLearningRate, recipe.Schedule,
            recipe.DecaySteps);
    }

    public StageRecipe Recipe { get; }

    public StageData Training { get; }

    public StageData? Evaluation { get; }

    /// <summary>Writes what the log shows of the model's own texts; null for nothing.</summary>
    public SampleTexts? Samples { get; init; }

    public LearningRateSchedule Schedule { get; }

    /// <summary>The number of optimizer steps.</summary>
    public long Steps { get; }

    /// <summary>The tokens of a step, on average.</summary>
    public double TokensPerStep => (double)Recipe.BatchSize * Recipe.Accumulation * Training.Tokens / Training.Count;

    public string Name => TrainingMethods.Of(Recipe.Kind).Name;

    /// <summary>Computes the seed of what a step draws.</summary>
    public long DropoutSeed(long step) => unchecked((_seed * 6_364_136_223_846_793_005) + step);

    /// <summary>Gathers the batches of a step, each divided into parts of about as many tokens.</summary>
    public List<TrainingBatch> Batches(long step, int parts, CancellationToken cancellationToken)
    {
        var place = checked(step * Recipe.BatchSize * Recipe.Accumulation);
        var batches = new List<TrainingBatch>(Recipe.Accumulation * parts);
        for (var batch = 0; batch < Recipe.Accumulation; batch++)
        {
            var examples = Enumerable.Range(0, Recipe.BatchSize).Select(_ => _order.At(place++)).ToArray();
            batches.AddRange(Training.Gather(
                examples, parts, unchecked(DropoutSeed(step) + (batch * 7_919)), cancellationToken));
        }

        return batches;
    }
}
