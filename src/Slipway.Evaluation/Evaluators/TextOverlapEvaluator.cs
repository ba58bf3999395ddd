using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Slipway.Evaluation.Metrics;

namespace Slipway.Evaluation.Evaluators;

/// <summary>Scores texts by ROUGE, BLEU and chrF against a <see cref="ReferenceTextContext"/>.</summary>
/// <remarks>ROUGE is F1 with stemming, 0 to 1; BLEU and chrF are those of the sentence, 0 to 100.</remarks>
public sealed class TextOverlapEvaluator : ReferenceEvaluator<ReferenceTextContext>
{
    /// <inheritdoc/>
    public override IReadOnlyCollection<string> EvaluationMetricNames { get; } =
        ["ROUGE-1", "ROUGE-2", "ROUGE-L", "BLEU", "chrF"];

    private protected override IEnumerable<EvaluationMetric> Evaluate(
        ChatResponse response, ReferenceTextContext context)
    {
        var rouge = Rouge.Score(response.Text, context.References, stem: true);
        double[] values =
        [
            rouge.Rouge1.F1, rouge.Rouge2.F1, rouge.RougeL.F1, Bleu.Sentence(response.Text, context.References).Score,
            ChrF.Sentence(response.Text, context.References),
        ];
        return EvaluationMetricNames.Zip(values, (name, value) => new NumericMetric(name, value));
    }
}
