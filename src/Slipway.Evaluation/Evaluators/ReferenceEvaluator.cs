using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;

namespace Slipway.Evaluation.Evaluators;

/// <summary>Scores a response by what stands in a context, without a model that judges.</summary>
/// <remarks>
/// Where the context is missing the metrics have no value and a diagnostic that says so. Thread-safe.
/// </remarks>
/// <typeparam name="TContext">The context that holds what is right.</typeparam>
public abstract class ReferenceEvaluator<TContext> : IEvaluator
    where TContext : EvaluationContext
{
    private protected ReferenceEvaluator()
    {
    }

    /// <inheritdoc/>
    public abstract IReadOnlyCollection<string> EvaluationMetricNames { get; }

    /// <inheritdoc/>
    public ValueTask<EvaluationResult> EvaluateAsync(
        IEnumerable<ChatMessage> messages,
        ChatResponse modelResponse,
        ChatConfiguration? chatConfiguration = null,
        IEnumerable<EvaluationContext>? additionalContext = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(modelResponse);
        cancellationToken.ThrowIfCancellationRequested();
        var context = additionalContext?.OfType<TContext>().FirstOrDefault();
        EvaluationMetric[] metrics = context is null
            ? [.. EvaluationMetricNames.Select(WithoutContext)]
            : [.. Evaluate(modelResponse, context)];
        if (context is not null)
        {
            foreach (var metric in metrics)
            {
                metric.AddOrUpdateContext(context);
            }
        }

        return ValueTask.FromResult(new EvaluationResult(metrics));
    }

    private protected abstract IEnumerable<EvaluationMetric> Evaluate(ChatResponse response, TContext context);

    private static NumericMetric WithoutContext(string name)
    {
        var metric = new NumericMetric(name);
        metric.AddDiagnostics(EvaluationDiagnostic.Error(
            $"There is nothing to compare the response with. Pass a {typeof(TContext).Name} as additional context."));
        return metric;
    }
}
