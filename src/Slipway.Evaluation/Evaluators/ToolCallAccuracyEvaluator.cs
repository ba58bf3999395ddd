using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Slipway.Evaluation.ToolCalls;

namespace Slipway.Evaluation.Evaluators;

/// <summary>Scores tool calls against an <see cref="ExpectedToolCallsContext"/>, 0 or 1.</summary>
/// <remarks>
/// Calls are exact where exactly the expected ones came, in order, each with its name and all its arguments, or none
/// where none are expected; tools are right where their names are.
/// </remarks>
public sealed class ToolCallAccuracyEvaluator : ReferenceEvaluator<ExpectedToolCallsContext>
{
    /// <inheritdoc/>
    public override IReadOnlyCollection<string> EvaluationMetricNames { get; } = ["Exact Tool Calls", "Right Tools"];

    private protected override IEnumerable<EvaluationMetric> Evaluate(
        ChatResponse response, ExpectedToolCallsContext context)
    {
        var result = ToolCallGrader.Grade(context.Case, response);
        bool[] values = [result.IsRight, result.NamesRight];
        return EvaluationMetricNames.Zip(
            values, (name, value) => new NumericMetric(name, value ? 1 : 0, value ? null : $"It was: {result.Answer}"));
    }
}
