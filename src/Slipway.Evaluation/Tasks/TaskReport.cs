using System.Text.Json.Nodes;

namespace Slipway.Evaluation.Tasks;

/// <summary>Holds the scores of a task.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Kind">The kind of task.</param>
/// <param name="Items">Items that were scored.</param>
/// <param name="Scores">The scores, the most important first.</param>
/// <param name="Answers">The answers, in the order of the items.</param>
/// <param name="Provenance">The model, its template and the versions, as <see cref="TaskSubject.Describe"/> tells
/// them, and the task's file and options.</param>
/// <param name="Resumed">Answers that an earlier run had given already.</param>
/// <param name="Elapsed">The time that this run took.</param>
public sealed record TaskReport(
    string Task,
    string Kind,
    int Items,
    IReadOnlyList<TaskScore> Scores,
    IReadOnlyList<TaskAnswer> Answers,
    JsonObject Provenance,
    int Resumed,
    TimeSpan Elapsed);

/// <summary>Tells how far a task is.</summary>
/// <param name="Done">Items done.</param>
/// <param name="Items">All items.</param>
public sealed record TaskProgress(int Done, int Items);
