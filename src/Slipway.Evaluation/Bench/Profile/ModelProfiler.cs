using System.Globalization;
using Slipway.Packaging;

namespace Slipway.Evaluation.Bench.Profile;

/// <summary>Tells which operators of a package's graph take the time of a prompt and of a step.</summary>
/// <remarks>
/// ONNX Runtime notes when each operator ran, this library's kernels included. The model is opened anew for each number
/// of streams, whose prompts come together; counted are the runs of the one prompt of a single stream, and the steps
/// after the last prompt, in which all streams decode.
/// </remarks>
public static class ModelProfiler
{
    /// <summary>Profiles a package.</summary>
    /// <param name="packageFolder">The package.</param>
    /// <param name="options">Prompts, streams and resources; rounds and the plain loop are not looked at.</param>
    /// <param name="progress">Told before each number of streams.</param>
    /// <param name="cancellationToken">Stops the measurement.</param>
    /// <returns>The prompt's runs, where one stream is among those asked for, and the steps of each number.</returns>
    /// <exception cref="ArgumentException">An option has no possible value, or the context is too short for
    /// it.</exception>
    /// <exception cref="NotSupportedException">Another engine than this library's runs the model.</exception>
    /// <exception cref="PackageException">The package is damaged.</exception>
    public static async Task<IReadOnlyList<PhaseProfile>> MeasureAsync(
        string packageFolder, BenchOptions options, IProgress<BenchProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ModelBench.Check(options);
        List<PhaseProfile> phases = [];
        foreach (var (index, streams) in options.Streams.Index())
        {
            progress?.Report(new BenchProgress(
                index, options.Streams.Count, string.Create(CultureInfo.InvariantCulture, $"{streams} streams")));
            var folder = Directory.CreateTempSubdirectory("slipway-profile-");
            try
            {
                await RunAsync(
                    packageFolder, options, streams, Path.Combine(folder.FullName, "profile"), cancellationToken)
                    .ConfigureAwait(false);
                phases.AddRange(Phases(ProfileEvents.Read(folder.GetFiles().Single().FullName), streams));
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }

        return phases;
    }

    // The session writes the file as it is closed.
    private static async Task RunAsync(
        string packageFolder, BenchOptions options, int streams, string path, CancellationToken cancellationToken)
    {
        var model = LanguageModel.Load(packageFolder, ModelBench.ModelOptions(options) with { ProfilePath = path });
        await using (model.ConfigureAwait(false))
        {
            if (model.Graph is null)
            {
                throw new NotSupportedException(
                    "Only this library's own engine is profiled; leave LanguageModelOptions.Engine null.");
            }

            await new BenchStreams(model, options).RunAsync(streams, cancellationToken).ConfigureAwait(false);
        }
    }

    private static IEnumerable<PhaseProfile> Phases(IReadOnlyList<ProfileRun> runs, int streams)
    {
        // Prompts of one token are told by nothing but that they come first.
        var firstStep = runs.Index().LastOrDefault(run => run.Item.Tokens > 1).Index + 1;
        if (streams == 1)
        {
            yield return PhaseProfile.Of("prompt", streams, [.. runs.Take(firstStep)]);
        }

        // What is left of a request that was withdrawn is not a whole step.
        yield return PhaseProfile.Of(
            "step", streams, [.. runs.Skip(firstStep).Where(run => run.Rows == streams)]);
    }
}
