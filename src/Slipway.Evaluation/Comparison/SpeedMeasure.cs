using System.Text.Json.Nodes;
using Slipway.Evaluation.Bench;
using Slipway.Evaluation.Statistics;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Comparison;

/// <summary>Measures the speed of several packages in rounds that go around all of them.</summary>
/// <param name="options">What a round measures, and how many there are.</param>
/// <param name="model">Resources of the models.</param>
internal sealed class SpeedMeasure(BenchOptions options, LanguageModelOptions model)
{
    public const string Source = "speed";
    public const string Decode = "decode_tokens_per_second";
    private const string Prefill = "prefill_tokens_per_second";
    private const string Load = "load_to_first_token_seconds";

    // Files of an earlier run that was ended; a whole run removes its own, so that the next one measures anew.
    private readonly List<string> _paths = [];

    public async Task<IReadOnlyList<IReadOnlyList<ComparedScore>>> MeasureAsync(
        IReadOnlyList<(string Folder, JsonObject Provenance, string? ResultsPath)> packages, Action<int, int> report,
        CancellationToken cancellationToken)
    {
        var rounds = new TaskAnswer?[packages.Count, options.Rounds];
        for (var round = 0; round < options.Rounds; round++)
        {
            for (var index = 0; index < packages.Count; index++)
            {
                var (folder, provenance, path) = packages[index];
                using var results = ResultsFile<TaskAnswer>.Open(path, Describe(provenance), options.Rounds);
                rounds[index, round] = results.Known(options.Rounds)[round];
                if (rounds[index, round] is null)
                {
                    rounds[index, round] = await RunAsync(folder, round, cancellationToken).ConfigureAwait(false);
                    results.Add(rounds[index, round]!);
                }

                report(index, round + 1);
            }
        }

        _paths.AddRange(packages.Select(package => package.ResultsPath).OfType<string>());
        return [.. Enumerable.Range(0, packages.Count).Select(index => Scores(
            [.. Enumerable.Range(0, options.Rounds).Select(round => rounds[index, round]!.Values)]))];
    }

    /// <summary>Removes what was kept for the case that the run is ended.</summary>
    public void RemoveResults() => _paths.ForEach(File.Delete);

    private async Task<TaskAnswer> RunAsync(string folder, int round, CancellationToken cancellationToken)
    {
        var report = await ModelBench.MeasureAsync(
            folder,
            new BenchOptions
            {
                PromptTokens = options.PromptTokens,
                NewTokens = options.NewTokens,
                Streams = [1],
                Rounds = 1,
                Threads = options.Threads,
                Baseline = false,
                Model = model,
                Seed = options.Seed + round,
            },
            cancellationToken: cancellationToken).ConfigureAwait(false);
        return new TaskAnswer(round, "", new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [Decode] = report.Runs[0].DecodeTokensPerSecond,
            [Prefill] = report.Runs[0].PrefillTokensPerSecond,
            [Load] = report.LoadToFirstToken.TotalSeconds,
        });
    }

    private JsonObject Describe(JsonObject provenance)
    {
        var description = (JsonObject)provenance.DeepClone();
        description["prompt_tokens"] = options.PromptTokens;
        description["new_tokens"] = options.NewTokens;
        description["rounds"] = options.Rounds;
        description["threads"] = options.Threads;
        description["cores"] = Environment.ProcessorCount;
        return description;
    }

    private static ComparedScore[] Scores(IReadOnlyList<IReadOnlyDictionary<string, double>> rounds)
    {
        return [Of(Decode, true), Of(Prefill, true), Of(Load, false)];

        ComparedScore Of(string name, bool higherIsBetter)
        {
            double[] sorted = [.. rounds.Select(round => round[name]).Order()];
            var median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
            return new ComparedScore(
                Source, name, higherIsBetter, new Estimate(median, sorted[0], sorted[^1], Estimate.Range));
        }
    }
}
