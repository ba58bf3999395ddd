namespace Slipway;

/// <summary>Holds what a model says of a text, or of a pair of texts.</summary>
/// <param name="Scores">Every label's score, in the order of the model's labels.</param>
public sealed record TextClassification(IReadOnlyList<LabelScore> Scores)
{
    /// <summary>The label with the highest score; of equal ones the first.</summary>
    public LabelScore Best => Scores.MaxBy(score => score.Score);
}

/// <summary>Tells how well a label fits.</summary>
/// <param name="Label">The label's name in the model's files.</param>
/// <param name="Score">
/// Its probability among the labels (softmax), or by itself where several may fit or there is one (sigmoid); the logit
/// where the model was trained for numbers.
/// </param>
/// <param name="Logit">The model's own number.</param>
public readonly record struct LabelScore(string Label, float Score, float Logit);
