using System.Diagnostics;
using Slipway.Packaging;

namespace Slipway.Evaluation.Bench.Serving;

/// <summary>Measures what only a process of its own can tell: its start and its memory.</summary>
public static class ProcessProbe
{
    /// <summary>The budget of keys and values.</summary>
    private const long KeyValueBytes = 256 << 20;

    /// <summary>
    /// Loads a package, answers one token, then several streams at once; call it once in a fresh process.
    /// </summary>
    /// <param name="packageFolder">The package.</param>
    /// <param name="options">Threads, tokens and streams are read.</param>
    /// <param name="cancellationToken">Stops the measurement.</param>
    /// <exception cref="PackageException">The package is damaged.</exception>
    public static async Task<ProcessFigures> MeasureAsync(
        string packageFolder, ServingOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var started = Stopwatch.GetTimestamp();
        var model = LanguageModel.Load(packageFolder, options.Model with
        {
            Threads = options.Threads ?? options.Model.Threads,
            KeyValueCacheBytes = options.Model.KeyValueCacheBytes ?? KeyValueBytes,
        });
        await using (model.ConfigureAwait(false))
        {
            var scenes = new ServingWorkloads(model, options);
            await scenes.AnswerAsync([0], 1, cancellationToken).ConfigureAwait(false);
            var loaded = Stopwatch.GetElapsedTime(started);
            await Task.WhenAll(Enumerable.Range(0, options.Streams).Select(_ => scenes.AnswerAsync(
                scenes.NextPrompt(options.PromptTokens), options.NewTokens, cancellationToken))).ConfigureAwait(false);
            using var process = Process.GetCurrentProcess();
            return new ProcessFigures(
                loaded,
                process.PeakWorkingSet64,
                options.Model.KeyValueCacheBytes ?? KeyValueBytes,
                model.Package.ListFiles().Values.Sum());
        }
    }
}
