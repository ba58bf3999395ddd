using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Slipway.Evaluation.Metrics;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Evaluators;

/// <summary>Scores short answers against a <see cref="ReferenceTextContext"/>, 0 to 1.</summary>
/// <remarks>
/// Exact match and F1 are SQuAD's. The number is right where the response's, after the last <c>####</c> or else the
/// last one, is that of a reference.
/// </remarks>
public sealed class ShortAnswerEvaluator : ReferenceEvaluator<ReferenceTextContext>
{
    /// <inheritdoc/>
    public override IReadOnlyCollection<string> EvaluationMetricNames { get; } = ["Exact Match", "F1", "Number Match"];

    private protected override IEnumerable<EvaluationMetric> Evaluate(
        ChatResponse response, ReferenceTextContext context)
    {
        var number = NumberText.Final(response.Text);
        var isRight = number is not null
            && context.References.Any(reference => NumberText.Final(reference) == number);
        double[] values =
        [
            QuestionAnswers.ExactMatch(response.Text, context.References),
            QuestionAnswers.F1(response.Text, context.References), isRight ? 1 : 0,
        ];
        return EvaluationMetricNames.Zip(values, (name, value) => new NumericMetric(name, value));
    }
}
