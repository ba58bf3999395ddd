using System.Globalization;

namespace Slipway.Evaluation.Tasks.Kinds;

/// <summary>Works out a number.</summary>
/// <remarks>
/// Items have a <c>question</c> and an <c>answer</c> whose number stands after <c>####</c>, as GSM8K has it (K. Cobbe
/// et al., 2021), or last. With a chain of thought the model is asked for the way too and examples show it (J. Wei et
/// al., 2022); without, for the number alone. The number of its answer is found in the same way.
/// </remarks>
internal sealed class ReasoningTask : EvaluationTask
{
    private const string ExactMatch = "exact_match";
    private const string Answered = "answered";
    private const int ReasoningTokens = 400;
    private const int NumberTokens = 16;

    private readonly decimal[] _answers;
    private readonly TaskShot[] _shots;

    public ReasoningTask(TaskFile file, TaskOptions options)
        : base("reasoning", file, options)
    {
        _answers = [.. Items.Select(Answer)];
        _shots =
        [
            .. ShotItems.Select(item => new TaskShot(
                Question(item),
                Options.ChainOfThought
                    ? item.Text("answer")
                    : Answer(item).ToString(CultureInfo.InvariantCulture))),
        ];
        foreach (var item in Items)
        {
            _ = Question(item);
        }
    }

    internal override async Task<TaskAnswer> AnswerAsync(
        TaskSubject subject, int index, CancellationToken cancellationToken)
    {
        var prompt = new TaskPrompt(
            Question(Items[index]), _shots,
            Options.MaxOutputTokens ?? (Options.ChainOfThought ? ReasoningTokens : NumberTokens));
        var text = await prompt.AskAsync(subject, Options.PlainText, cancellationToken).ConfigureAwait(false);
        var number = Options.ChainOfThought ? NumberText.Final(text) : NumberText.First(text);
        return new TaskAnswer(index, text, new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [ExactMatch] = number == _answers[index] ? 1 : 0,
            [Answered] = number is null ? 0 : 1,
        });
    }

    internal override IReadOnlyList<TaskScore> Score(IReadOnlyList<TaskAnswer> answers)
        => [TaskScore.OfMean(ExactMatch, answers), TaskScore.OfMean(Answered, answers)];

    private static decimal Answer(TaskItem item)
        => NumberText.Final(item.Text("answer", "target")) ?? throw item.Error(
            $"'answer' has no number: '{Excerpt.Of(item.Text("answer", "target"))}'; expected one, after '####' or "
            + "last.");

    private string Question(TaskItem item)
        => $"Question: {item.Text("question", "problem")}\n" + (Options.ChainOfThought
            ? "Think step by step, and end with '#### ' and the number.\nAnswer:"
            : "Give the number alone.\nAnswer:");
}
