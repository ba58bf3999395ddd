using System.CommandLine;
using System.Globalization;
using Slipway.Evaluation.Tasks;

namespace Slipway.Cli.Verbs;

/// <summary>The options that name tasks and say how they are put.</summary>
internal sealed class TaskArguments
{
    private readonly Option<string[]> _tasks;

    private readonly Option<int> _shots = new("--shots")
    {
        Description = "Examples before each item, drawn by the seed.",
    };

    private readonly Option<string?> _shotsFile = new("--shots-file")
    {
        Description = "A file to draw examples from; the task's own items, which then are not scored, unless told.",
    };

    private readonly Option<int?> _limit = new("--limit") { Description = "The most items to score; all unless told." };

    private readonly Option<int> _seed = new("--seed") { Description = "Chooses examples, samples and intervals." };

    private readonly Option<bool> _direct = new("--no-chain-of-thought")
    {
        Description = "Have reasoning tasks answered by the number alone.",
    };

    private readonly Option<bool> _plainText = new("--plain-text")
    {
        Description = "Continue prompts as text, without the package's chat template.",
    };

    private readonly Option<int?> _tokens = new("--max-tokens")
    {
        Description = "Tokens of the longest answer; what the kind of task needs unless told.",
    };

    private readonly Option<string?> _labels = new("--labels")
    {
        Description = "Names of the classes that a file has by number, in order: negative,positive.",
    };

    private readonly Option<int> _samples = new("--samples")
    {
        Description = "Attempts at each code task.", DefaultValueFactory = _ => 1,
    };

    private readonly Option<double> _temperature = new("--temperature")
    {
        Description = "Sampling temperature of several attempts.", DefaultValueFactory = _ => 0.8,
    };

    private readonly Option<bool> _allowsCode = new("--allow-code-execution")
    {
        Description = "Run the programs that code tasks ask for: each in a process of its own, without network, other "
            + "processes and files to write to, and with little time and memory. Linux on x64 only.",
    };

    public TaskArguments(bool isRequired)
        => _tasks = new Option<string[]>("--task")
        {
            Description = "A task, as KIND=FILE with a .jsonl, .json or .tsv file; may be given several times. Kinds: "
                + string.Join("; ", TaskKinds.All.Select(kind => $"{kind.Name} ({kind.Answer})")) + ".",
            Required = isRequired,
        };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[]
        {
            _tasks, _shots, _shotsFile, _limit, _seed, _direct, _plainText, _tokens, _labels, _samples, _temperature,
            _allowsCode,
        })
        {
            command.Add(option);
        }
    }

    public int Seed(ParseResult result) => result.GetValue(_seed);

    public IReadOnlyList<EvaluationTask> Open(ParseResult result)
    {
        var options = new TaskOptions
        {
            Shots = result.GetValue(_shots),
            ShotsPath = result.GetValue(_shotsFile),
            Limit = result.GetValue(_limit),
            Seed = result.GetValue(_seed),
            ChainOfThought = !result.GetValue(_direct),
            PlainText = result.GetValue(_plainText),
            MaxOutputTokens = result.GetValue(_tokens),
            Labels = result.GetValue(_labels)?.Split(',', StringSplitOptions.TrimEntries) ?? [],
            Samples = result.GetValue(_samples),
            Temperature = result.GetValue(_temperature),
            AllowCodeExecution = result.GetValue(_allowsCode),
        };
        EvaluationTask[] tasks = [.. (result.GetValue(_tasks) ?? []).Select(task => Open(task, options))];
        return tasks.Select(task => task.Name).Distinct().Count() == tasks.Length
            ? tasks
            : throw new UsageException("Two files of --task have the same name; rename one, so that scores differ.");
    }

    private static EvaluationTask Open(string task, TaskOptions options)
        => task.Split('=', 2) is [var kind, { Length: > 0 } path]
            ? TaskKinds.Open(kind, path, options)
            : throw new UsageException(string.Create(
                CultureInfo.InvariantCulture,
                $"'{task}' in --task is no task; expected KIND=FILE, such as multiple-choice=arc.jsonl."));
}
