using System.Diagnostics;
using Slipway.Evaluation.Perplexity;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Comparison;

/// <summary>Measures several packages side by side: size, speed, and every score with its interval.</summary>
/// <remarks>
/// Packages are loaded one after the other. With a folder for results a comparison that was ended, by whatever, goes on
/// where it was; what that folder holds of another model, text or option is refused.
/// </remarks>
public static class PackageComparison
{
    /// <summary>Measures packages.</summary>
    /// <param name="packages">The package folders; at least one.</param>
    /// <param name="options">What to measure.</param>
    /// <param name="progress">Told after each window, item and round.</param>
    /// <param name="cancellationToken">Stops the measurement; what was measured stays in the folder.</param>
    /// <exception cref="ArgumentException">There is no package, or an option is out of range.</exception>
    /// <exception cref="Packaging.PackageException">A package is missing, altered or malformed.</exception>
    /// <exception cref="InvalidDataException">The folder holds results of another run.</exception>
    public static async Task<ComparisonReport> RunAsync(
        IReadOnlyList<string> packages,
        ComparisonOptions options,
        IProgress<ComparisonProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(packages);
        ArgumentNullException.ThrowIfNull(options);
        if (packages.Count == 0 || (options.TextPath is null && options.ReferencePackage is not null))
        {
            throw new ArgumentException(
                packages.Count == 0
                    ? "There is no package to measure; name at least one."
                    : "A reference is given and no text to measure divergence on; give a text too.",
                packages.Count == 0 ? nameof(packages) : nameof(options));
        }

        var started = Stopwatch.GetTimestamp();
        var text = options.TextPath is { } path
            ? await EvaluationText.ReadAsync(path, cancellationToken).ConfigureAwait(false) : null;
        var steps = new ComparisonSteps(packages.Count, options, progress);
        var names = UniqueNames(packages);
        List<ComparedPackage> compared = [];
        using var reference = options.ReferencePackage is { } folder ? LanguageModel.Load(folder, options.Model) : null;
        var textMeasure = text is null ? null : new TextMeasure(text, options.Text, reference, options.Seed);
        foreach (var (name, package) in names.Zip(packages))
        {
            using var model = LanguageModel.Load(package, options.Model);
            compared.Add(await MeasureAsync(name, model, textMeasure, options, steps, cancellationToken)
                .ConfigureAwait(false));
        }

        if (options.Speed is { } speed)
        {
            compared = await AddSpeedAsync(compared, new SpeedMeasure(speed, options.Model), options, steps,
                cancellationToken).ConfigureAwait(false);
        }

        return new ComparisonReport(compared, Stopwatch.GetElapsedTime(started));
    }

    private static async Task<ComparedPackage> MeasureAsync(
        string name, LanguageModel model, TextMeasure? text, ComparisonOptions options, ComparisonSteps steps,
        CancellationToken cancellationToken)
    {
        var subject = new TaskSubject(model);
        var provenance = subject.Describe();
        List<ComparedScore> scores = [];
        if (text is not null)
        {
            scores.AddRange(await text.MeasureAsync(
                model, PathOf(options, name, TextMeasure.Source),
                (done, windows) => steps.Report($"{name}: window {done}/{windows}", done == 1 ? windows : null),
                cancellationToken).ConfigureAwait(false));
        }

        foreach (var task in options.Tasks)
        {
            var report = await TaskRunner.RunAsync(
                task, subject,
                new TaskRunnerOptions
                {
                    ResultsPath = PathOf(options, name, task.Name), Concurrency = options.Concurrency,
                },
                steps.OfTask($"{name}: {task.Name}"), cancellationToken).ConfigureAwait(false);
            scores.AddRange(report.Scores.Select(
                score => new ComparedScore(task.Name, score.Name, true, score.Estimate)));
        }

        var bytes = Directory.EnumerateFiles(model.Package.Path, "*", SearchOption.AllDirectories)
            .Sum(file => new FileInfo(file).Length);
        return new ComparedPackage(name, model.Package.Path, bytes, provenance, scores);
    }

    private static async Task<List<ComparedPackage>> AddSpeedAsync(
        List<ComparedPackage> packages, SpeedMeasure measure, ComparisonOptions options, ComparisonSteps steps,
        CancellationToken cancellationToken)
    {
        var speeds = await measure.MeasureAsync(
            packages.ConvertAll(package => (
                package.Path, package.Provenance, PathOf(options, package.Name, SpeedMeasure.Source))),
            (index, round) => steps.Report($"{packages[index].Name}: speed, round {round}"),
            cancellationToken).ConfigureAwait(false);
        measure.RemoveResults();
        return [.. packages.Zip(speeds, (package, speed) => package with { Scores = [.. package.Scores, .. speed] })];
    }

    private static string? PathOf(ComparisonOptions options, string name, string source)
        => options.ResultsFolder is { } folder ? Path.Combine(folder, $"{name}.{source}.results.jsonl") : null;

    // The folder's own name, with its parent's where another package has the same, and a number where that is no help.
    private static List<string> UniqueNames(IReadOnlyList<string> packages)
    {
        var names = new List<string>();
        string[] own = [.. packages.Select(package => new DirectoryInfo(package).Name)];
        foreach (var (index, package) in packages.Index())
        {
            var parent = new DirectoryInfo(package).Parent?.Name.Trim(Path.DirectorySeparatorChar);
            var name = own.Count(other => other == own[index]) > 1 && !string.IsNullOrEmpty(parent)
                ? $"{parent}-{own[index]}" : own[index];
            var unique = name;
            for (var number = 2; names.Contains(unique); number++)
            {
                unique = $"{name}-{number}";
            }

            names.Add(unique);
        }

        return names;
    }
}
