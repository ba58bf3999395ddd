namespace Slipway.Evaluation.Bench.Serving;

/// <summary>Runs the parts of a <see cref="ServingBench"/> in turn and keeps what they tell.</summary>
internal sealed class ServingMeasurement
{
    private readonly List<(ServingBar Bar, object?[] Numbers, Func<CancellationToken, Task<(double, double?)>> Run)> parts = [];
    private readonly List<List<(double Measured, double? Reference)>> samples = [];
    private readonly ServingOptions options;
    private double plainDecode;
    private double plainPrefill;
    private double decode;
    private double firstToken;

    public ServingMeasurement(LanguageModel model, PlainLoop plain, ServingOptions options, BenchOptions bench)
    {
        this.options = options;
        var streams = new BenchStreams(model, bench);
        var scenes = new ServingScenes(model, options);
        var longPrompt = Math.Min(options.LongPromptTokens, model.ContextLength - 1);
        var few = Math.Min(options.Streams, model.ContextLength);

        Add(ServingBars.DecodeAlone, [], async ct =>
        {
            var baseline = plain.Run(streams.NextPrompt(), options.NewTokens + 1, [], ct);
            (plainDecode, plainPrefill) = (baseline.DecodeRate, baseline.PrefillRate);
            var alone = await streams.RunAsync(1, ct).ConfigureAwait(false);
            (decode, firstToken) = (alone.DecodeRate, alone.FirstToken);
            return (decode, plainDecode);
        });
        Add(ServingBars.PrefillAlone, [], _ => Task.FromResult((options.PromptTokens / firstToken, (double?)plainPrefill)));
        Add(ServingBars.Streams, [few], ct => TogetherAsync(few, ct));
        Add(ServingBars.ManyStreams, [options.ManyStreams], ct => TogetherAsync(options.ManyStreams, ct));
        Add(ServingBars.Newcomer, [few], async ct =>
        {
            var arrival = await scenes.ArriveAsync(few, options.PromptTokens, ct).ConfigureAwait(false);
            return (1e3 * arrival.FirstToken, 1e3 * firstToken);
        });
        Add(ServingBars.Pause, ["one stream", longPrompt], ct => PauseAsync(1, ct));
        Add(ServingBars.Pause, [$"{few} streams", longPrompt], ct => PauseAsync(few, ct));
        Add(ServingBars.SecondTurn, [], async ct =>
        {
            var (known, unknown) = await scenes.SecondTurnAsync(ct).ConfigureAwait(false);
            return (1e3 * known, 1e3 * unknown);
        });
        var repetition = new RepetitionScene(model, options.Seed);
        if (repetition.IsPossible)
        {
            Add(ServingBars.Drafting, [], async ct =>
            {
                var (with, without) = await repetition.RunAsync(ct).ConfigureAwait(false);
                return (with, without);
            });
        }

        Add(ServingBars.Cancel, [], async ct => (1e3 * await scenes.CancelAsync(longPrompt, ct).ConfigureAwait(false), null));

        async Task<(double, double?)> TogetherAsync(int count, CancellationToken ct)
            => ((await streams.RunAsync(count, ct).ConfigureAwait(false)).DecodeRate, plainDecode);

        async Task<(double, double?)> PauseAsync(int count, CancellationToken ct)
        {
            var arrival = await scenes.ArriveAsync(count, longPrompt, ct).ConfigureAwait(false);
            return (1e3 * arrival.LongestPause, 1e3 * arrival.UsualStep);
        }
    }

    public IEnumerable<ServingFigure> Figures => parts.Zip(samples, (part, taken) => ServingBench.Figure(
        part.Bar,
        BenchSample.Median(taken.Select(sample => sample.Measured / (sample.Reference ?? 1e3))),
        BenchSample.Median(taken.Select(sample => sample.Measured)),
        taken[0].Reference is null ? null : BenchSample.Median(taken.Select(sample => sample.Reference!.Value)),
        part.Numbers));

    public async Task RunAsync(IProgress<BenchProgress>? progress, CancellationToken cancellationToken)
    {
        var total = (options.Rounds * parts.Count) + 1;
        progress?.Report(new BenchProgress(0, total, "warming up"));
        await parts[0].Run(cancellationToken).ConfigureAwait(false);
        for (var done = 1; done < total; done++)
        {
            var i = (done - 1) % parts.Count;
            var name = ServingBench.Figure(parts[i].Bar, 0, 0, null, parts[i].Numbers).Name;
            progress?.Report(new BenchProgress(done, total, name));
            samples[i].Add(await parts[i].Run(cancellationToken).ConfigureAwait(false));
        }
    }

    private void Add(ServingBar bar, object?[] numbers, Func<CancellationToken, Task<(double, double?)>> run)
    {
        parts.Add((bar, numbers, run));
        samples.Add([]);
    }
}
