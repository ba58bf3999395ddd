using System.Globalization;
using System.Text.Json.Nodes;

namespace Slipway.Evaluation.Tasks;

/// <summary>Puts the items of a file to a model and scores its answers.</summary>
/// <remarks>Immutable and thread-safe. <see cref="TaskKinds"/> lists the kinds.</remarks>
public abstract class EvaluationTask
{
    private readonly TaskFile _file;

    /// <summary>Creates a task.</summary>
    /// <param name="kind">The kind of task.</param>
    /// <param name="file">The items.</param>
    /// <param name="options">How to put them.</param>
    /// <exception cref="ArgumentException">An option is out of range, or leaves no item to score.</exception>
    private protected EvaluationTask(string kind, TaskFile file, TaskOptions options)
    {
        Kind = kind;
        _file = file;
        Options = TaskOptions.Checked(options);
        Name = Path.GetFileNameWithoutExtension(file.Path);
        (Items, ShotItems) = Divide(file, Options);
    }

    /// <summary>The kind of task.</summary>
    public string Kind { get; }

    /// <summary>The name of the task, which is that of its file.</summary>
    public string Name { get; }

    /// <summary>The items to score.</summary>
    public IReadOnlyList<TaskItem> Items { get; }

    /// <summary>The items that stand as examples before each of them.</summary>
    internal IReadOnlyList<TaskItem> ShotItems { get; }

    internal TaskOptions Options { get; }

    /// <summary>Gets a model's answer to an item.</summary>
    internal abstract Task<TaskAnswer> AnswerAsync(
        TaskSubject subject, int index, CancellationToken cancellationToken);

    /// <summary>Scores the answers to all items, which come in their order.</summary>
    internal abstract IReadOnlyList<TaskScore> Score(IReadOnlyList<TaskAnswer> answers);

    /// <summary>Tells what the scores depend on beside the model.</summary>
    internal virtual JsonObject Describe() => new()
    {
        ["task"] = Name,
        ["kind"] = Kind,
        ["data_sha256"] = _file.Hash,
        ["items"] = Items.Count,
        ["shots"] = Options.Shots,
        ["shots_sha256"] = Options.ShotsPath is { } path && Options.Shots > 0 ? TaskFile.Read(path).Hash : null,
        ["seed"] = Options.Seed,
        ["chain_of_thought"] = Options.ChainOfThought,
        ["plain_text"] = Options.PlainText,
        ["max_output_tokens"] = Options.MaxOutputTokens,
        ["labels"] = new JsonArray([.. Options.Labels.Select(label => (JsonNode)label)]),
        ["samples"] = Options.Samples,
        ["temperature"] = Options.Temperature.ToString(CultureInfo.InvariantCulture),
    };

    private static (IReadOnlyList<TaskItem> Items, IReadOnlyList<TaskItem> Shots) Divide(
        TaskFile file, TaskOptions options)
    {
        if (options.Shots == 0)
        {
            return ([.. file.Items.Take(options.Limit ?? int.MaxValue)], []);
        }

        var source = options.ShotsPath is { } path ? TaskFile.Read(path) : file;
        if (source.Items.Count - (source == file ? 1 : 0) < options.Shots)
        {
            throw new ArgumentException(
                $"'{source.Path}' has {source.Items.Count} items, too few for {options.Shots} examples"
                + (source == file ? " and one to score. Ask for fewer, or give a file of examples." : "."),
                nameof(options));
        }

        TaskItem[] shots = [.. source.Items];
        new Random(options.Seed).Shuffle(shots);
        shots = shots[..options.Shots];
        return ([.. file.Items.Except(shots).Take(options.Limit ?? int.MaxValue)], shots);
    }
}
