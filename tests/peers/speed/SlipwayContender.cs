using Slipway;
using Slipway.Evaluation.Bench;
using Slipway.Evaluation.Perplexity;

/// <summary>Runs a package by this repository's engine, and by the plain loop.</summary>
internal sealed class SlipwayContender(string folder) : IContender
{
    public const int PlainLoop = 0;

    public string Name => $"slipway {Path.GetFileName(Path.TrimEndingDirectorySeparator(folder))}";

    public async Task<IReadOnlyDictionary<int, Rates>> MeasureAsync(
        Workload workload, IReadOnlyList<int> streams, int seed)
    {
        var report = await ModelBench.MeasureAsync(folder, new BenchOptions
        {
            PromptTokens = workload.PromptTokens,
            NewTokens = workload.NewTokens,
            Threads = workload.Threads,
            Streams = streams,
            Rounds = 1,
            Seed = seed,
        });
        Dictionary<int, Rates> rates = new() { [PlainLoop] = Read(report.PlainLoop!) };
        foreach (var run in report.Runs)
        {
            rates[run.Streams] = Read(run);
        }

        return rates;

        static Rates Read(BenchRun run) => new(run.PrefillTokensPerSecond, run.DecodeTokensPerSecond);
    }

    public async Task<double> PerplexityAsync(IReadOnlyList<int[]> windows, int threads)
    {
        await using var model = LanguageModel.Load(folder, new LanguageModelOptions { Threads = threads });
        PerplexityEvaluator evaluator = new(model, new PerplexityOptions { Window = windows[0].Length });
        return (await evaluator.EvaluateAsync([.. windows.SelectMany(window => window)], [])).Perplexity;
    }
}
