using System.Globalization;
using Slipway.Evaluation.Metrics;

namespace Slipway.Evaluation.Tasks.Kinds;

/// <summary>Gives a number for a text, or for several, such as how similar two sentences are.</summary>
/// <remarks>
/// Items have a number as <c>label</c> or <c>score</c> and texts beside it. An answer without a number counts as the
/// smallest label.
/// </remarks>
internal sealed class RegressionTask : EvaluationTask
{
    private const string Predicted = "predicted";
    private const string Answered = "answered";

    private readonly double[] _labels;
    private readonly TaskShot[] _shots;
    private readonly string _range;

    public RegressionTask(TaskFile file, TaskOptions options)
        : base("regression", file, options)
    {
        double[] all = [.. file.Items.Select(Label)];
        _range = string.Create(CultureInfo.InvariantCulture, $"from {all.Min()} to {all.Max()}");
        _labels = [.. Items.Select(Label)];
        _shots = [.. ShotItems.Select(item => new TaskShot(
            Question(item), Label(item).ToString(CultureInfo.InvariantCulture)))];
    }

    internal override async Task<TaskAnswer> AnswerAsync(
        TaskSubject subject, int index, CancellationToken cancellationToken)
    {
        var prompt = new TaskPrompt(Question(Items[index]), _shots, Options.MaxOutputTokens ?? 16);
        var text = await prompt.AskAsync(subject, Options.PlainText, cancellationToken).ConfigureAwait(false);
        var number = NumberText.First(text);
        return new TaskAnswer(index, text, new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [Predicted] = (double?)number ?? _labels.Min(),
            [Answered] = number is null ? 0 : 1,
        });
    }

    internal override IReadOnlyList<TaskScore> Score(IReadOnlyList<TaskAnswer> answers)
    {
        double[] predictions = [.. answers.Select(answer => answer.Values[Predicted])];
        return
        [
            OfSet("pearson", Correlation.Pearson), OfSet("spearman", Correlation.Spearman),
            TaskScore.OfMean(Answered, answers),
        ];

        TaskScore OfSet(string name, Func<IReadOnlyList<double>, IReadOnlyList<double>, double> measure)
            => TaskScore.OfSet(name, predictions.Length, Options.Seed, sample => measure(
                [.. sample.Select(item => predictions[item])], [.. sample.Select(item => _labels[item])]));
    }

    private static double Label(TaskItem item) => item.Number("label", "score");

    private string Question(TaskItem item) => $"{LabelledText.Of(item)}\nScore {_range}:";
}
