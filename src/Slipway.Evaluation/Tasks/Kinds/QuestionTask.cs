using Slipway.Evaluation.Metrics;

namespace Slipway.Evaluation.Tasks.Kinds;

/// <summary>Answers questions, with or without a text to find the answer in.</summary>
/// <remarks>
/// Items have a <c>question</c>, a <c>context</c> if any, and the right <c>answers</c>: a text, a list, or SQuAD's
/// object with the list <c>text</c>. Scores are SQuAD's exact match and F1.
/// </remarks>
internal sealed class QuestionTask : EvaluationTask
{
    private const string ExactMatch = "exact_match";
    private const string F1 = "f1";

    private readonly IReadOnlyList<string>[] _answers;
    private readonly TaskShot[] _shots;

    public QuestionTask(TaskFile file, TaskOptions options)
        : base("questions", file, options)
    {
        _answers = [.. Items.Select(Answers)];
        _shots = [.. ShotItems.Select(item => new TaskShot(Question(item), Answers(item)[0]))];
        foreach (var item in Items)
        {
            _ = Question(item);
        }
    }

    internal override async Task<TaskAnswer> AnswerAsync(
        TaskSubject subject, int index, CancellationToken cancellationToken)
    {
        var prompt = new TaskPrompt(Question(Items[index]), _shots, Options.MaxOutputTokens ?? 32) { Stop = ["\n"] };
        var text = (await prompt.AskAsync(subject, Options.PlainText, cancellationToken).ConfigureAwait(false)).Trim();
        return new TaskAnswer(index, text, new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [ExactMatch] = QuestionAnswers.ExactMatch(text, _answers[index]),
            [F1] = QuestionAnswers.F1(text, _answers[index]),
        });
    }

    internal override IReadOnlyList<TaskScore> Score(IReadOnlyList<TaskAnswer> answers)
        => [TaskScore.OfMean(ExactMatch, answers), TaskScore.OfMean(F1, answers)];

    private static IReadOnlyList<string> Answers(TaskItem item) => item.Texts("answers", "answer");

    private static string Question(TaskItem item)
        => (item.OptionalText("context", "passage") is { } context ? $"{context}\n\n" : "")
            + $"Question: {item.Text("question")}\nAnswer in a few words:";
}
