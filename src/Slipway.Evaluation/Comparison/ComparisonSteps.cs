using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Comparison;

/// <summary>Counts the steps of a comparison over all its parts. Thread-safe.</summary>
internal sealed class ComparisonSteps(
    int packages, ComparisonOptions options, IProgress<ComparisonProgress>? progress)
{
    private readonly Lock _lock = new();
    private readonly int _others = packages
        * (options.Tasks.Sum(task => task.Items.Count) + (options.Speed?.Rounds ?? 0));
    private int _windows = options.TextPath is null ? 0 : options.Text.Windows ?? 1;
    private int _done;

    /// <summary>Reports one more step.</summary>
    /// <param name="current">What is being measured.</param>
    /// <param name="windows">The text's windows, once they are known.</param>
    public void Report(string current, int? windows = null)
    {
        lock (_lock)
        {
            _windows = windows ?? _windows;
            progress?.Report(new ComparisonProgress(++_done, _others + (packages * _windows), current));
        }
    }

    /// <summary>Takes the reports of a task as steps.</summary>
    public IProgress<TaskProgress> OfTask(string current) => new TaskSteps(this, current);

    private sealed class TaskSteps(ComparisonSteps steps, string current) : IProgress<TaskProgress>
    {
        public void Report(TaskProgress value) => steps.Report($"{current} {value.Done}/{value.Items}");
    }
}
