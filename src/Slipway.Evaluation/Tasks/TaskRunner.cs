using System.Diagnostics;

namespace Slipway.Evaluation.Tasks;

/// <summary>Runs tasks, several items at a time, and goes on with runs that were ended.</summary>
public static class TaskRunner
{
    /// <summary>Puts every item to a model and scores the answers.</summary>
    /// <param name="task">The task.</param>
    /// <param name="subject">The model.</param>
    /// <param name="options">How to work; null for the defaults.</param>
    /// <param name="progress">Told after each item, from several threads.</param>
    /// <param name="cancellationToken">Stops the run; answers that are there stay in the file of results.</param>
    /// <exception cref="TaskFileException">An item cannot be put to the model, such as one that is too
    /// long.</exception>
    /// <exception cref="NotSupportedException">The task needs a package, and there is a client alone.</exception>
    /// <exception cref="InvalidDataException">The file of results belongs to another run.</exception>
    public static async Task<TaskReport> RunAsync(
        EvaluationTask task,
        TaskSubject subject,
        TaskRunnerOptions? options = null,
        IProgress<TaskProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(subject);
        var settings = options ?? new TaskRunnerOptions();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.Concurrency, nameof(options));
        var started = Stopwatch.GetTimestamp();
        var provenance = subject.Describe();
        foreach (var (name, value) in task.Describe())
        {
            provenance[name] = value?.DeepClone();
        }

        using var results = ResultsFile<TaskAnswer>.Open(settings.ResultsPath, provenance, task.Items.Count);
        var answers = results.Known(task.Items.Count);
        var resumed = answers.Count(answer => answer is not null);
        var done = resumed;
        int[] open = [.. Enumerable.Range(0, answers.Length).Where(index => answers[index] is null)];
        var parallel = new ParallelOptions
        {
            MaxDegreeOfParallelism = settings.Concurrency,
            CancellationToken = cancellationToken,
        };
        await Parallel.ForEachAsync(open, parallel, async (index, token) =>
        {
            var answer = await AnswerAsync(task, subject, index, token).ConfigureAwait(false);
            results.Add(answer);
            answers[index] = answer;
            progress?.Report(new TaskProgress(Interlocked.Increment(ref done), answers.Length));
        }).ConfigureAwait(false);

        TaskAnswer[] all = [.. answers.Select(answer => answer!)];
        return new TaskReport(
            task.Name, task.Kind, all.Length, task.Score(all), all, provenance, resumed,
            Stopwatch.GetElapsedTime(started));
    }

    // Such as a prompt that is longer than the context.
    private static async Task<TaskAnswer> AnswerAsync(
        EvaluationTask task, TaskSubject subject, int index, CancellationToken cancellationToken)
    {
        try
        {
            return await task.AnswerAsync(subject, index, cancellationToken).ConfigureAwait(false);
        }
        catch (ArgumentException exception)
        {
            throw task.Items[index].Error($"The model cannot be asked: {exception.Message}", exception);
        }
    }
}
