using System.Globalization;
using Slipway.Evaluation.Metrics;

namespace Slipway.Evaluation.Tasks.Kinds;

/// <summary>Names the class of a text, or of several.</summary>
/// <remarks>
/// Items have a <c>label</c> and any texts beside it, as GLUE's files do; columns for numbering are left out. A package
/// takes the class whose name is most probable after the texts; of a chat client the class is read from its text; a
/// classifier labels one text or two, and its labels are the classes of the same name or else of the same number. Where
/// there are two classes, F1 is that of the second, as GLUE takes it.
/// </remarks>
internal sealed class ClassificationTask : EvaluationTask
{
    private const string Accuracy = "accuracy";

    private readonly string[] _classes;
    private readonly string[] _labels;
    private readonly TaskShot[] _shots;

    public ClassificationTask(TaskFile file, TaskOptions options)
        : base("classification", file, options)
    {
        _classes = Options.Labels.Count > 0
            ? [.. Options.Labels]
            : [.. file.Items.Select(LabelledText.Label).Distinct().Order(StringComparer.Ordinal)];
        if (_classes.Length < 2 || _classes.Distinct().Count() < _classes.Length)
        {
            throw new ArgumentException(
                $"The classes are {Excerpt.OfList(_classes)}; expected two or more different ones.", nameof(options));
        }

        _labels = [.. Items.Select(ClassOf)];
        _shots = [.. ShotItems.Select(item => new TaskShot(Question(item), ClassOf(item)))];
    }

    internal override async Task<TaskAnswer> AnswerAsync(
        TaskSubject subject, int index, CancellationToken cancellationToken)
    {
        var question = Question(Items[index]);
        var text = subject.Classifier is { } classifier
            ? await LabelAsync(classifier, Items[index], cancellationToken).ConfigureAwait(false)
            : subject.Model is { } model
            ? await MostProbableAsync(model, question, cancellationToken).ConfigureAwait(false)
            : await AskAsync(subject, question, cancellationToken).ConfigureAwait(false);
        return new TaskAnswer(
            index, text,
            new Dictionary<string, double>(StringComparer.Ordinal) { [Accuracy] = text == _labels[index] ? 1 : 0 });
    }

    internal override IReadOnlyList<TaskScore> Score(IReadOnlyList<TaskAnswer> answers)
    {
        string[] predictions = [.. answers.Select(answer => answer.Text)];
        List<TaskScore> scores = [TaskScore.OfMean(Accuracy, answers)];
        if (_classes.Length == 2)
        {
            scores.Add(OfSet("f1", (predicted, right) => Classification.F1(predicted, right, _classes[1])));
        }

        scores.Add(OfSet("f1_macro", Classification.MacroF1));
        scores.Add(OfSet("matthews", Classification.Matthews));
        return scores;

        TaskScore OfSet(string name, Func<IReadOnlyList<string>, IReadOnlyList<string>, double> measure)
            => TaskScore.OfSet(name, predictions.Length, Options.Seed, sample => measure(
                [.. sample.Select(item => predictions[item])], [.. sample.Select(item => _labels[item])]));
    }

    private async Task<string> MostProbableAsync(
        LanguageModel model, string question, CancellationToken cancellationToken)
    {
        var context = string.Concat(_shots.Select(shot => $"{shot.Question} {shot.Answer}\n\n")) + question;
        var scores = await LikelihoodScorer.ScoreAsync(
            model, context, [.. _classes.Select(one => $" {one}")], cancellationToken).ConfigureAwait(false);
        return _classes[LikelihoodScorer.IndexOfMax(scores)];
    }

    private async Task<string> LabelAsync(
        OnnxTextClassifier classifier, TaskItem item, CancellationToken cancellationToken)
    {
        if (_shots.Length > 0)
        {
            throw new NotSupportedException(
                "Examples stand before texts that a model goes on with; a classifier labels texts alone. Ask for no "
                + "examples.");
        }

        var results = LabelledText.Texts(item) switch
        {
            [var text] => await classifier.ClassifyAsync([text.Value], cancellationToken).ConfigureAwait(false),
            [var first, var second] => await classifier.ClassifyAsync(
                [(first.Value, second.Value)], cancellationToken).ConfigureAwait(false),
            var texts => throw item.Error(
                $"There are {texts.Count} texts beside the label; a classifier takes one or two."),
        };
        return ClassOf(results[0]);
    }

    // The class of the same name; else, where there are as many, that of the same number.
    private string ClassOf(TextClassification result)
    {
        var label = result.Best.Label;
        var id = result.Scores.Select(score => score.Label).ToList().IndexOf(label);
        return Array.Find(_classes, name => name.Equals(label, StringComparison.OrdinalIgnoreCase))
            ?? (result.Scores.Count != _classes.Length
                ? throw new NotSupportedException(
                    $"The model's labels are {Excerpt.OfList(result.Scores.Select(score => score.Label))}, and the "
                    + $"classes are {Excerpt.OfList(_classes)}. Name the classes in the order of the model's labels.")
                : Array.Find(_classes, name => name == id.ToString(CultureInfo.InvariantCulture)) ?? _classes[id]);
    }

    private async Task<string> AskAsync(TaskSubject subject, string question, CancellationToken cancellationToken)
    {
        var prompt = new TaskPrompt(
            $"{question}\nAnswer with one of these and nothing else: {string.Join(", ", _classes)}.", _shots,
            Options.MaxOutputTokens ?? 16);
        var answer = await prompt.AskAsync(subject, Options.PlainText, cancellationToken).ConfigureAwait(false);

        // The class whose name comes first; of names that begin at the same place the longest.
        return _classes
            .Select(name => (Name: name, Place: answer.IndexOf(name, StringComparison.OrdinalIgnoreCase)))
            .Where(found => found.Place >= 0)
            .OrderBy(found => found.Place)
            .ThenByDescending(found => found.Name.Length)
            .Select(found => found.Name)
            .FirstOrDefault("");
    }

    private static string Question(TaskItem item) => $"{LabelledText.Of(item)}\nLabel:";

    private string ClassOf(TaskItem item)
    {
        var label = LabelledText.Label(item);
        return _classes.Contains(label) ? label
            : int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number < _classes.Length
                ? _classes[number]
                : throw item.Error(
                    $"The label is '{Excerpt.Of(label)}'; expected one of {Excerpt.OfList(_classes)}, or its number "
                    + "from 0.");
    }
}
