using System.Globalization;
using Slipway.Packaging;

namespace Slipway.Evaluation.Bench.Serving;

/// <summary>Measures what serving a package is like: alone, in company, as prompts arrive, and what it takes.</summary>
/// <remarks>
/// After a run of the plain loop and of one stream that are not counted everything takes turns, so that what else the
/// machine does meets all of it; figures are medians over rounds of ratios within one round. The plain loop is that of
/// <see cref="ModelBench"/>, over the same package or over another one.
/// </remarks>
public static class ServingBench
{
    /// <summary>Measures a package.</summary>
    /// <param name="packageFolder">The package.</param>
    /// <param name="options">What to measure; null for the defaults.</param>
    /// <param name="progress">Told before each part.</param>
    /// <param name="cancellationToken">Stops the measurement.</param>
    /// <exception cref="ArgumentException">An option has no possible value, or the context is too short for
    /// it.</exception>
    /// <exception cref="PackageException">A package is damaged.</exception>
    public static async Task<ServingReport> MeasureAsync(
        string packageFolder,
        ServingOptions? options = null,
        IProgress<BenchProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new ServingOptions();
        var bench = new BenchOptions
        {
            PromptTokens = options.PromptTokens, NewTokens = options.NewTokens, Rounds = options.Rounds,
            Streams = [1, options.Streams, options.ManyStreams], Threads = options.Threads, Model = options.Model,
            Seed = options.Seed,
        };
        ModelBench.Check(bench);

        // First, so that its files are no better known to the machine than those of any other start.
        var fresh = options.FreshProcess is { } start ? await start(cancellationToken).ConfigureAwait(false) : null;
        var model = LanguageModel.Load(packageFolder, ModelBench.ModelOptions(bench));
        await using (model.ConfigureAwait(false))
        {
            var room = model.ContextLength - options.PromptTokens - options.NewTokens;
            if (options.TurnTokens is < 1 || options.TurnTokens >= room)
            {
                throw new ArgumentException(
                    $"TurnTokens is '{options.TurnTokens}'; expected from 1 to '{room - 1}', which the context of "
                    + $"'{model.ContextLength}' leaves. Ask for fewer tokens.",
                    nameof(options));
            }

            using var plain = BaselineLoop.Open(
                model, options.BaselinePackage, ModelBench.ModelOptions(bench));
            var measurement = new ServingMeasurement(model, plain, options, bench);
            await measurement.RunAsync(progress, cancellationToken).ConfigureAwait(false);
            return new ServingReport(
                options.Threads ?? Environment.ProcessorCount,
                options.Rounds,
                packageFolder,
                options.BaselinePackage ?? packageFolder,
                [.. measurement.Figures, .. fresh is null ? [] : Figures(fresh)]);
        }
    }

    private static ServingFigure[] Figures(ProcessFigures fresh)
    {
        var allowed = ServingTargets.MemoryBytes(fresh);
        var seconds = fresh.LoadToFirstToken.TotalSeconds;
        return
        [
            Figure(ServingTargets.Memory, fresh.PeakMemoryBytes / allowed, fresh.PeakMemoryBytes / 1e6, allowed / 1e6),
            Figure(ServingTargets.Load, seconds, 1e3 * seconds, null),
        ];
    }

    internal static ServingFigure Figure(
        ServingBar bar, double value, double measured, double? reference, params ReadOnlySpan<object?> numbers)
        => new(
            string.Format(CultureInfo.InvariantCulture, bar.Name, numbers), value, bar.Bar, bar.IsLeast, bar.Unit,
            measured, reference);
}
