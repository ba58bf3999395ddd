using Slipway.Evaluation.Statistics;

namespace Slipway.Evaluation.Tasks;

/// <summary>Holds a score of a task; higher is better.</summary>
/// <param name="Name">The measure, such as <c>accuracy</c>.</param>
/// <param name="Estimate">The score and its interval.</param>
public sealed record TaskScore(string Name, Estimate Estimate)
{
    /// <summary>Scores by the mean of a value that each answer has.</summary>
    internal static TaskScore OfMean(string name, IReadOnlyList<TaskAnswer> answers)
        => new(name, Estimate.OfMean([.. answers.Select(answer => answer.Values[name])]));

    /// <summary>Scores by a measure of the whole set.</summary>
    internal static TaskScore OfSet(string name, int count, int seed, Func<IReadOnlyList<int>, double> measure)
        => new(name, Estimate.ByBootstrap(count, measure, seed));
}
