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

    /// <summary>Gathers the batches of a step, each divided into parts of about as many tokens.</summary>
    public List<TokenBatch> Batches(long step, int parts)
    {
        var place = checked(step * Recipe.BatchSize * Recipe.Accumulation);
        var batches = new List<TokenBatch>(Recipe.Accumulation * parts);
        for (var batch = 0; batch < Recipe.Accumulation; batch++)
        {
            var sequences = Enumerable.Range(0, Recipe.BatchSize).Select(_ => _order.At(place++)).ToArray();
            batches.AddRange(Divide(sequences, parts).Select(part => new TokenBatch(Training, part)));
        }

        return batches;
    }

    // The longest first, each to the part that has the fewest tokens.
    private IEnumerable<int[]> Divide(int[] sequences, int parts)
    {
        var (divided, tokens) = (new List<int>[Math.Min(parts, sequences.Length)], new long[parts]);
        for (var part = 0; part < divided.Length; part++)
        {
            divided[part] = [];
        }

        foreach (var sequence in sequences.OrderByDescending(sequence => Training.Ids(sequence).Length))
        {
            var part = Array.IndexOf(tokens, tokens.Take(divided.Length).Min());
            divided[part].Add(sequence);
            tokens[part] += Training.Ids(sequence).Length;
        }

        return divided.Select(part => part.ToArray());
    }
}
