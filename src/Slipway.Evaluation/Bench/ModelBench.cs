using System.Diagnostics;
using Slipway.Packaging;

namespace Slipway.Evaluation.Bench;

/// <summary>Measures speed and memory of a package, beside the plain loop in the same run.</summary>
/// <remarks>
/// After a round that is not counted, the engine with each number of streams and the plain loop take turns, so that
/// what else the machine does meets all of them. Prompts are random tokens, different for each stream and round, and
/// answers go on past their end. The plain loop is what one would write by hand: one sequence, one run a token, keys
/// and values bound once, logits at every position. Over the same package it runs the engine's own session while the
/// engine rests: of two sessions of one package the one opened first was found slower, by where its memory lies.
/// </remarks>
public static class ModelBench
{
    /// <summary>Measures a package.</summary>
    /// <param name="packageFolder">The package.</param>
    /// <param name="options">What to measure; null for the defaults.</param>
    /// <param name="progress">Told before each run.</param>
    /// <param name="cancellationToken">Stops the measurement.</param>
    /// <exception cref="ArgumentException">An option has no possible value, or the context is too short for
    /// it.</exception>
    /// <exception cref="PackageException">The package is damaged.</exception>
    public static async Task<BenchReport> MeasureAsync(
        string packageFolder,
        BenchOptions? options = null,
        IProgress<BenchProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new BenchOptions();
        Check(options);
        var done = 0;
        var total = (options.Rounds + 1) * (options.Streams.Count + (options.Baseline ? 1 : 0));

        var started = Stopwatch.GetTimestamp();
        var model = LanguageModel.Load(packageFolder, ModelOptions(options));
        await using (model.ConfigureAwait(false))
        {
            var loadTime = Stopwatch.GetElapsedTime(started);
            var streams = new BenchStreams(model, options);
            await streams.AnswerOneTokenAsync(cancellationToken).ConfigureAwait(false);
            var firstToken = Stopwatch.GetElapsedTime(started);

            var samples = options.Streams.ToDictionary(count => count, _ => new List<BenchSample>());
            foreach (var count in options.Streams)
            {
                Tell($"{count} streams, warming up");
                await streams.RunAsync(count, cancellationToken).ConfigureAwait(false);
            }

            using var process = Process.GetCurrentProcess();
            var peak = process.PeakWorkingSet64;
            using var plain = options.Baseline
                ? BaselineLoop.Open(model, options.BaselinePackage, ModelOptions(options)) : null;
            var plainSamples = plain is null ? null : new List<BenchSample>();
            RunPlain(warm: true);
            for (var round = 0; round < options.Rounds; round++)
            {
                RunPlain(warm: false);
                foreach (var count in options.Streams)
                {
                    Tell($"{count} streams");
                    samples[count].Add(await streams.RunAsync(count, cancellationToken).ConfigureAwait(false));
                }
            }

            return new BenchReport(
                options.Threads ?? Environment.ProcessorCount,
                options.PromptTokens,
                options.NewTokens,
                loadTime,
                firstToken,
                model.Package.ListFiles().Values.Sum(),
                peak,
                [.. options.Streams.Select(count => BenchSample.Summarize(samples[count], plainSamples))],
                plainSamples is null ? null : BenchSample.Summarize(plainSamples, null));

            void RunPlain(bool warm)
            {
                if (plain is not null)
                {
                    Tell(warm ? "plain loop, warming up" : "plain loop");
                    var sample = plain.Run(streams.NextPrompt(), options.NewTokens + 1, [], cancellationToken);
                    plainSamples!.AddRange(warm ? [] : [sample]);
                }
            }
        }

        void Tell(string current) => progress?.Report(new BenchProgress(done++, total, current));
    }

    internal static LanguageModelOptions ModelOptions(BenchOptions options)
    {
        var max = options.Streams.Max();
        return options.Model with
        {
            Threads = options.Threads ?? options.Model.Threads,
            MaxBatchSize = Math.Max(options.Model.MaxBatchSize, max),
            QueueCapacity = Math.Max(options.Model.QueueCapacity, max),
        };
    }

    internal static void Check(BenchOptions options)
    {
        List<string> errors = [];
        Require(nameof(options.PromptTokens), options.PromptTokens, 1, 1 << 20);
        Require(nameof(options.NewTokens), options.NewTokens, 2, 1 << 20);
        Require(nameof(options.Rounds), options.Rounds, 1, 1000);
        foreach (var count in options.Streams.Count == 0 ? [0] : options.Streams)
        {
            Require(nameof(options.Streams), count, 1, 4096);
        }

        if (options.Streams.Distinct().Count() != options.Streams.Count)
        {
            errors.Add("Streams names a number twice; expected different ones.");
        }

        if (errors.Count > 0)
        {
            throw new ArgumentException(string.Join(" ", errors), nameof(options));
        }

        void Require(string name, int value, int min, int max)
        {
            if (value < min || value > max)
            {
                errors.Add(FormattableString.Invariant($"{name} is '{value}'; expected from {min} to {max}."));
            }
        }
    }
}
