using System.Globalization;
using System.Text.RegularExpressions;
using Slipway.Evaluation.CodeExecution;
using Slipway.Evaluation.Metrics;

namespace Slipway.Evaluation.Tasks.Kinds;

/// <summary>Writes programs, which then are run.</summary>
/// <remarks>
/// Items have a <c>prompt</c> that begins a function, its <c>entry_point</c> and a <c>test</c>, as HumanEval has them
/// (M. Chen et al., 2021), and a <c>language</c> if it is not Python. Python's test defines <c>check</c>, which is
/// called with the function; a C# test is statements that throw where the function is wrong. Each item is tried several
/// times, and pass@k is estimated without bias.
/// </remarks>
internal sealed partial class CodeTask : EvaluationTask
{
    private const string Passed = "passed";
    private const string Attempts = "attempts";
    private const int ProgramTokens = 512;

    // Where plain text goes on to something else than the function.
    private static readonly string[] Ends =
        ["\nclass ", "\ndef ", "\n#", "\nif __name__", "\nprint(", "\nassert ", "\n@", "\n```"];

    private static readonly int[] Ks = [1, 2, 5, 10, 20, 50, 100];

    private readonly CodeItem[] _items;
    private readonly ProgramRunner _runner;

    public CodeTask(TaskFile file, TaskOptions options)
        : base("code", file, options)
    {
        if (!Options.AllowCodeExecution)
        {
            throw new ArgumentException(
                "Code tasks run programs that a model wrote, which is off unless asked for. Allow it with "
                + "'--allow-code-execution' (TaskOptions.AllowCodeExecution); the programs are confined.",
                nameof(options));
        }

        if (Options.Shots > 0)
        {
            throw new ArgumentException("Code tasks take no examples; their prompts are programs.", nameof(options));
        }

        _items = [.. Items.Select(Read)];
        _runner = new ProgramRunner(Options.ProgramLimits);
    }

    internal override async Task<TaskAnswer> AnswerAsync(
        TaskSubject subject, int index, CancellationToken cancellationToken)
    {
        var item = _items[index];
        var reasons = new string[Options.Samples];
        var passed = 0;
        await Parallel.ForAsync(0, reasons.Length, cancellationToken, async (sample, token) =>
        {
            var program = await WriteAsync(subject, item, sample, token).ConfigureAwait(false);
            var result = await _runner.RunAsync(item.Language, program, token).ConfigureAwait(false);
            reasons[sample] = $"{result.Outcome}: {result.Reason}";
            if (result.Outcome == ProgramOutcome.Completed)
            {
                Interlocked.Increment(ref passed);
            }
        }).ConfigureAwait(false);
        return new TaskAnswer(
            index, string.Join('\n', reasons), new Dictionary<string, double>(StringComparer.Ordinal)
            {
                [Passed] = passed, [Attempts] = reasons.Length,
            });
    }

    internal override IReadOnlyList<TaskScore> Score(IReadOnlyList<TaskAnswer> answers) =>
    [
        .. Ks.Where(k => k <= Options.Samples).Select(k => new TaskScore(
            string.Create(CultureInfo.InvariantCulture, $"pass@{k}"),
            Statistics.Estimate.OfMean([.. answers.Select(answer => PassAtK.Estimate(
                (int)answer.Values[Attempts], (int)answer.Values[Passed], k))]))),
    ];

    private async Task<string> WriteAsync(
        TaskSubject subject, CodeItem item, int sample, CancellationToken cancellationToken)
    {
        var chats = subject.Chats && !Options.PlainText;
        var question = chats
            ? $"Complete this function. Answer with the whole function in one block of code.\n\n```{item.Language}\n"
                + $"{item.Prompt}\n```"
            : item.Prompt;
        var prompt = new TaskPrompt(question, [], Options.MaxOutputTokens ?? ProgramTokens)
        {
            Stop = Ends,
            EndsAtEmptyLine = false,
            Temperature = Options.Samples > 1 ? Options.Temperature : 0,
            Seed = Options.Seed + sample,
        };
        var answer = await prompt.AskAsync(subject, Options.PlainText, cancellationToken).ConfigureAwait(false);
        var code = chats ? Block(answer) : answer;

        // A whole function replaces the prompt's; the lines before that, such as imports, stay.
        var name = $" {item.EntryPoint}(";
        var definition = item.Prompt.IndexOf(name, StringComparison.Ordinal);
        var isWhole = definition >= 0 && code.Contains(name, StringComparison.Ordinal) && chats;
        var head = isWhole ? item.Prompt[..(item.Prompt.LastIndexOf('\n', definition) + 1)] : item.Prompt;
        return $"{head}{code}\n\n{item.Test}\n" + (item.Language == "python" ? $"\ncheck({item.EntryPoint})\n" : "");
    }

    /// <summary>Takes the first block of code of an answer, or all of one without any.</summary>
    internal static string Block(string answer)
        => CodeBlock().Match(answer) is { Success: true } match ? match.Groups["code"].Value : answer;

    private static CodeItem Read(TaskItem item)
    {
        var language = item.OptionalText("language") ?? "python";
        return ProgramRunner.Languages.Contains(language)
            ? new CodeItem(item.Text("prompt"), item.Text("entry_point"), item.Text("test"), language)
            : throw item.Error(
                $"'language' is '{Excerpt.Of(language)}'; expected one of {Excerpt.OfList(ProgramRunner.Languages)}.");
    }

    [GeneratedRegex(@"```[^\n]*\n(?<code>.*?)(\n```|$)", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    private sealed record CodeItem(string Prompt, string EntryPoint, string Test, string Language);
}
