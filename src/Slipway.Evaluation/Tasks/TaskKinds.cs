using Slipway.Evaluation.Tasks.Kinds;

namespace Slipway.Evaluation.Tasks;

/// <summary>Lists the kinds of tasks.</summary>
public static class TaskKinds
{
    /// <summary>Every kind, by name.</summary>
    public static IReadOnlyList<TaskKind> All { get; } =
    [
        new("multiple-choice", "the most probable of several options", (f, o) => new MultipleChoiceTask(f, o)),
        new("classification", "a class of a text or of several", (f, o) => new ClassificationTask(f, o)),
        new("regression", "a number", (f, o) => new RegressionTask(f, o)),
        new("questions", "a short answer", (f, o) => new QuestionTask(f, o)),
        new("texts", "a text such as a translation or a summary", (f, o) => new TextTask(f, o)),
        new("reasoning", "a number at the end of some reasoning", (f, o) => new ReasoningTask(f, o)),
        new("code", "a program, which is run", (f, o) => new CodeTask(f, o)),
        new("tool-calls", "calls of the tools offered", (f, o) => new ToolCallTask(f, o)),
    ];

    /// <summary>Opens a task.</summary>
    /// <param name="kind">The name of its kind.</param>
    /// <param name="path">Its file; see <see cref="TaskFile"/>.</param>
    /// <param name="options">How to put its items; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no such kind, or an option is out of range.</exception>
    /// <exception cref="TaskFileException">The file or one of its lines is not what it should be.</exception>
    public static EvaluationTask Open(string kind, string path, TaskOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(kind);
        var row = All.FirstOrDefault(one => one.Name == kind) ?? throw new ArgumentException(
            $"'{kind}' is no kind of task; expected one of {string.Join(", ", All.Select(one => one.Name))}.",
            nameof(kind));
        return row.Create(TaskFile.Read(path), options ?? new TaskOptions());
    }
}

/// <summary>Describes a kind of task.</summary>
/// <param name="Name">The name, by which it is asked for.</param>
/// <param name="Answer">The answer that is scored, in a few words.</param>
/// <param name="Create">Makes a task of a file.</param>
public sealed record TaskKind(string Name, string Answer, Func<TaskFile, TaskOptions, EvaluationTask> Create);
