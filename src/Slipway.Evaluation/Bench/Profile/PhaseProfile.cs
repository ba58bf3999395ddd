namespace Slipway.Evaluation.Bench.Profile;

/// <summary>Holds the mean run of a phase: of a prompt, or of a step in which all streams decode.</summary>
/// <param name="Name"><c>prompt</c> or <c>step</c>.</param>
/// <param name="Streams">Streams at once.</param>
/// <param name="Runs">Runs that were counted.</param>
/// <param name="TokensPerRun">Tokens that a run computes, of all streams together.</param>
/// <param name="Elapsed">From the start of a run to the start of the next, the engine's own work included.</param>
/// <param name="Running">The time within ONNX Runtime.</param>
/// <param name="Operators">The operators, those that take longest first.</param>
public sealed record PhaseProfile(
    string Name,
    int Streams,
    int Runs,
    double TokensPerRun,
    TimeSpan Elapsed,
    TimeSpan Running,
    IReadOnlyList<OperatorProfile> Operators)
{
    /// <summary>The time within ONNX Runtime in which no operator runs.</summary>
    public TimeSpan BetweenOperators => Running - Operators.Aggregate(
        TimeSpan.Zero, (sum, part) => sum + part.Elapsed);

    /// <summary>The time between runs: sampling, scheduling, handing over tokens.</summary>
    public TimeSpan BetweenRuns => Elapsed - Running;

    internal static PhaseProfile Of(string name, int streams, IReadOnlyList<ProfileRun> runs)
    {
        if (runs.Count == 0)
        {
            throw new InvalidOperationException(
                $"No '{name}' of {streams} streams was run whole. Ask for more new tokens.");
        }

        // The last run's end stands for the start of a next one.
        var span = runs[^1].Start + runs[^1].Microseconds - runs[0].Start;
        return new PhaseProfile(
            name,
            streams,
            runs.Count,
            runs.Average(run => (double)run.Rows * run.Tokens),
            Mean(span),
            Mean(runs.Sum(run => run.Microseconds)),
            [.. runs.SelectMany(run => run.Operators).GroupBy(one => one.Name, StringComparer.Ordinal).Select(
                group => new OperatorProfile(
                    group.Key, (double)group.Count() / runs.Count, Mean(group.Sum(one => one.Microseconds)),
                    group.Sum(one => one.WeightBytes) / runs.Count))
                .OrderByDescending(part => part.Elapsed)]);

        TimeSpan Mean(long microseconds) => TimeSpan.FromMicroseconds((double)microseconds / runs.Count);
    }
}

/// <summary>Holds what the nodes of an operator take in a run.</summary>
/// <param name="Name">The operator, and of a matrix product the sizes of a row that goes in and comes out.</param>
/// <param name="Nodes">Nodes in a run.</param>
/// <param name="Elapsed">Their time in a run, together.</param>
/// <param name="WeightBytes">Bytes of weights that a matrix product's nodes read in a run, as the file holds them; 0
/// for other operators, and where ONNX Runtime has made a copy in a form of its own.</param>
public sealed record OperatorProfile(string Name, double Nodes, TimeSpan Elapsed, long WeightBytes);
