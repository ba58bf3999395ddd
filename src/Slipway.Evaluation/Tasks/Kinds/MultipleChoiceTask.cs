using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Evaluation.Tasks.Kinds;

/// <summary>Chooses the option that a model finds most probable.</summary>
/// <remarks>
/// Items have a <c>context</c> and <c>options</c>, or a <c>question</c> and <c>choices</c> as ARC, MMLU and HellaSwag
/// write them, and the <c>answer</c>: an index from 0, a letter, or one of the choices' labels. A question is put as
/// "Question: … Answer:"; a context is continued as it is, after a space where neither it ends nor the option begins
/// with white space. Scores are the share of items whose right option has the largest log-likelihood, and the largest
/// one per UTF-8 byte of the option, as EleutherAI's evaluation harness takes them.
/// </remarks>
internal sealed class MultipleChoiceTask : EvaluationTask
{
    private const string Accuracy = "accuracy";
    private const string Normalized = "accuracy_normalized";

    private readonly Choice[] _choices;
    private readonly string _shots;

    public MultipleChoiceTask(TaskFile file, TaskOptions options)
        : base("multiple-choice", file, options)
    {
        _choices = [.. Items.Select(Read)];
        _shots = string.Concat(ShotItems.Select(Read).Select(
            shot => $"{shot.Context}{shot.Options[shot.Answer]}\n\n"));
    }

    internal override async Task<TaskAnswer> AnswerAsync(
        TaskSubject subject, int index, CancellationToken cancellationToken)
    {
        var model = subject.RequireModel("Multiple choice compares log-likelihoods.");
        var choice = _choices[index];
        var scores = await LikelihoodScorer.ScoreAsync(
            model, _shots + choice.Context, choice.Options, cancellationToken).ConfigureAwait(false);
        double[] perByte =
            [.. scores.Zip(choice.Options, (score, option) => score / Encoding.UTF8.GetByteCount(option))];
        int plain = LikelihoodScorer.IndexOfMax(scores), normalized = LikelihoodScorer.IndexOfMax(perByte);
        var values = new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [Accuracy] = plain == choice.Answer ? 1 : 0,
            [Normalized] = normalized == choice.Answer ? 1 : 0,
            ["predicted"] = plain,
            ["predicted_normalized"] = normalized,
        };
        foreach (var (number, score) in scores.Index())
        {
            values[$"log_likelihood_{number}"] = score;
        }

        return new TaskAnswer(index, choice.Options[plain], values);
    }

    internal override IReadOnlyList<TaskScore> Score(IReadOnlyList<TaskAnswer> answers)
        => [TaskScore.OfMean(Accuracy, answers), TaskScore.OfMean(Normalized, answers)];

    private static Choice Read(TaskItem item)
    {
        var (options, labels) = ReadOptions(item);
        var context = item.OptionalText("context", "ctx");
        var needsSpace = context is null || (!context.EndsWith(' ') && !context.EndsWith('\n'));
        context ??= $"Question: {item.Text("question", "query", "prompt")}\nAnswer:";
        string[] spaced =
            [.. options.Select(option => needsSpace && !char.IsWhiteSpace(option, 0) ? $" {option}" : option)];
        return new Choice(context, spaced, ReadAnswer(item, labels));
    }

    private static (IReadOnlyList<string> Options, IReadOnlyList<string> Labels) ReadOptions(TaskItem item)
    {
        var node = item.Find(["options", "choices", "endings"], out var name)
            ?? throw item.Missing(["options", "choices", "endings"], "a list of texts");
        var texts = node as JsonArray ?? (node as JsonObject)?["text"] as JsonArray;
        if (texts is not { Count: > 1 }
            || texts.Any(text => text?.GetValueKind() != JsonValueKind.String || (string)text! == ""))
        {
            throw item.Error(
                $"'{name}' is {TaskItem.Describe(node)}; expected a list of two or more texts, none of them empty.");
        }

        var labels = (node as JsonObject)?["label"] as JsonArray;
        return ([.. texts.Select(text => (string)text!)],
            labels?.Count == texts.Count
                ? [.. labels.Select(label => label?.ToString() ?? "")]
                : [.. Enumerable.Range(0, texts.Count).Select(i => ((char)('A' + i)).ToString())]);
    }

    private static int ReadAnswer(TaskItem item, IReadOnlyList<string> labels)
    {
        var text = item.Text("answer", "label", "gold", "answerKey").Trim();
        for (var i = 0; i < labels.Count; i++)
        {
            if (labels[i] == text)
            {
                return i;
            }
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && index < labels.Count
                ? index
                : throw item.Error(
                    $"The answer is '{Excerpt.Of(text)}'; expected an index from 0 to {labels.Count - 1}, or one of "
                    + $"{Excerpt.OfList(labels)}.");
    }

    private sealed record Choice(string Context, IReadOnlyList<string> Options, int Answer);
}
