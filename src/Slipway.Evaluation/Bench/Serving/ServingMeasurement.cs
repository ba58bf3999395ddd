namespace Slipway.Evaluation.Bench.Serving;

/// <summary>Runs the parts of a <see cref="ServingBench"/> in turn and keeps what they tell.</summary>
internal sealed class ServingMeasurement
{
    private readonly List<(ServingBar Bar, object?[] Numbers,
        Func<CancellationToken, Task<(double, double?)>> Run)> _parts = [];
    private readonly List<List<(double Measured, double? Reference)>> _samples = [];
    private readonly ServingOptions _options;
    private double _plainDecode;
    private double _plainPrefill;
    private double _decode;
    private double _firstToken;

    public ServingMeasurement(LanguageModel model, BaselineLoop plain, ServingOptions options, BenchOptions bench)
    {
        _options = options;
        var streams = new BenchStreams(model, bench);
        var scenes = new ServingWorkloads(model, options);
        var longPrompt = Math.Min(options.LongPromptTokens, model.ContextLength - 1);
        var few = Math.Min(options.Streams, model.ContextLength);

        Add(ServingTargets.DecodeAlone, [], async cancellationToken =>
        {
            var baseline = plain.Run(streams.NextPrompt(), options.NewTokens + 1, [], cancellationToken);
            (_plainDecode, _plainPrefill) = (baseline.DecodeRate, baseline.PrefillRate);
            var alone = await streams.RunAsync(1, cancellationToken).ConfigureAwait(false);
            (_decode, _firstToken) = (alone.DecodeRate, alone.FirstToken);
            return (_decode, _plainDecode);
        });
        Add(ServingTargets.PrefillAlone, [],
            _ => Task.FromResult((options.PromptTokens / _firstToken, (double?)_plainPrefill)));
        Add(ServingTargets.Streams, [few], cancellationToken => TogetherAsync(few, cancellationToken));
        Add(ServingTargets.ManyStreams, [options.ManyStreams],
            cancellationToken => TogetherAsync(options.ManyStreams, cancellationToken));
        Add(ServingTargets.Newcomer, [few], async cancellationToken =>
        {
            var arrival = await scenes.ArriveAsync(few, options.PromptTokens, cancellationToken).ConfigureAwait(false);
            return (1e3 * arrival.FirstToken, 1e3 * _firstToken);
        });
        Add(ServingTargets.Pause, ["one stream", longPrompt], cancellationToken => PauseAsync(1, cancellationToken));
        Add(ServingTargets.Pause, [$"{few} streams", longPrompt],
            cancellationToken => PauseAsync(few, cancellationToken));
        Add(ServingTargets.SecondTurn, [], async cancellationToken =>
        {
            var (known, unknown) = await scenes.SecondTurnAsync(cancellationToken).ConfigureAwait(false);
            return (1e3 * known, 1e3 * unknown);
        });
        var repetition = new RepetitionWorkload(model, options.Seed);
        if (repetition.IsPossible)
        {
            Add(ServingTargets.Drafting, [], async cancellationToken =>
            {
                var (with, without) = await repetition.RunAsync(cancellationToken).ConfigureAwait(false);
                return (with, without);
            });
        }

        Add(ServingTargets.Cancel, [],
            async cancellationToken =>
                (1e3 * await scenes.CancelAsync(longPrompt, cancellationToken).ConfigureAwait(false), null));

        async Task<(double, double?)> TogetherAsync(int count, CancellationToken cancellationToken)
            => ((await streams.RunAsync(count, cancellationToken).ConfigureAwait(false)).DecodeRate, _plainDecode);

        async Task<(double, double?)> PauseAsync(int count, CancellationToken cancellationToken)
        {
            var arrival = await scenes.ArriveAsync(count, longPrompt, cancellationToken).ConfigureAwait(false);
            return (1e3 * arrival.LongestPause, 1e3 * arrival.UsualStep);
        }
    }

    public IEnumerable<ServingFigure> Figures => _parts.Zip(_samples, (part, taken) => ServingBench.Figure(
        part.Bar,
        BenchSample.Median(taken.Select(sample => sample.Measured / (sample.Reference ?? 1e3))),
        BenchSample.Median(taken.Select(sample => sample.Measured)),
        taken[0].Reference is null ? null : BenchSample.Median(taken.Select(sample => sample.Reference!.Value)),
        part.Numbers));

    public async Task RunAsync(IProgress<BenchProgress>? progress, CancellationToken cancellationToken)
    {
        var total = (_options.Rounds * _parts.Count) + 1;
        progress?.Report(new BenchProgress(0, total, "warming up"));
        await _parts[0].Run(cancellationToken).ConfigureAwait(false);
        for (var done = 1; done < total; done++)
        {
            var i = (done - 1) % _parts.Count;
            var name = ServingBench.Figure(_parts[i].Bar, 0, 0, null, _parts[i].Numbers).Name;
            progress?.Report(new BenchProgress(done, total, name));
            _samples[i].Add(await _parts[i].Run(cancellationToken).ConfigureAwait(false));
        }
    }

    private void Add(ServingBar bar, object?[] numbers, Func<CancellationToken, Task<(double, double?)>> run)
    {
        _parts.Add((bar, numbers, run));
        _samples.Add([]);
    }
}
