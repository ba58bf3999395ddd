using Slipway.Evaluation.Metrics;

namespace Slipway.Evaluation.Tasks.Kinds;

/// <summary>Writes a text, such as a translation or a summary.</summary>
/// <remarks>
/// Items have a <c>prompt</c>, put as it is, and one or more <c>references</c>. ROUGE's F1 is the mean over the items,
/// with stemming; BLEU and chrF are those of the whole set.
/// </remarks>
internal sealed class TextTask : EvaluationTask
{
    private static readonly string[] Rouges = ["rouge1", "rouge2", "rougeL", "rougeLsum"];

    private readonly IReadOnlyList<string>[] _references;
    private readonly string[] _prompts;
    private readonly TaskShot[] _shots;

    public TextTask(TaskFile file, TaskOptions options)
        : base("texts", file, options)
    {
        _references = [.. Items.Select(References)];
        _prompts = [.. Items.Select(Prompt)];
        _shots = [.. ShotItems.Select(item => new TaskShot(Prompt(item), References(item)[0]))];
    }

    internal override async Task<TaskAnswer> AnswerAsync(
        TaskSubject subject, int index, CancellationToken cancellationToken)
    {
        var prompt = new TaskPrompt(_prompts[index], _shots, Options.MaxOutputTokens ?? 256)
        {
            EndsAtEmptyLine = _shots.Length > 0,
        };
        var text = (await prompt.AskAsync(subject, Options.PlainText, cancellationToken).ConfigureAwait(false)).Trim();
        var rouge = Rouge.Score(text, _references[index], stem: true);
        RougeScore[] parts = [rouge.Rouge1, rouge.Rouge2, rouge.RougeL, rouge.RougeLsum];
        return new TaskAnswer(index, text, Rouges.Zip(parts).ToDictionary(
            pair => pair.First, pair => pair.Second.F1, StringComparer.Ordinal));
    }

    internal override IReadOnlyList<TaskScore> Score(IReadOnlyList<TaskAnswer> answers)
    {
        string[] texts = [.. answers.Select(answer => answer.Text)];
        var bleu = Bleu.Measure(texts, _references, new BleuOptions());
        var chrF = ChrF.Measure(texts, _references, new ChrFOptions());
        return
        [
            .. Rouges.Select(name => TaskScore.OfMean(name, answers)),
            TaskScore.OfSet("bleu", texts.Length, Options.Seed, sample => Bleu.Combine(
                sample.Select(item => bleu[item]), new BleuOptions(), effectiveOrder: false).Score),
            TaskScore.OfSet("chrf", texts.Length, Options.Seed, sample => ChrF.Combine(
                sample.Select(item => chrF[item]), new ChrFOptions())),
        ];
    }

    private static string Prompt(TaskItem item) => item.Text("prompt", "input", "source", "document");

    private static IReadOnlyList<string> References(TaskItem item)
        => item.Texts("references", "reference", "target", "summary");
}
