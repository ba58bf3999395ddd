using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;

namespace Slipway.Evaluation.Evaluators;

/// <summary>Gives evaluators the texts that are right.</summary>
/// <param name="references">Right texts; at least one.</param>
/// <exception cref="ArgumentException">There is none.</exception>
public sealed class ReferenceTextContext(params IReadOnlyList<string> references)
    : EvaluationContext(
        ContextName, [.. Metrics.References.Checked(references).Select(reference => new TextContent(reference))])
{
    /// <summary>The context's name in reports.</summary>
    public const string ContextName = "Reference Texts";

    /// <summary>The right texts.</summary>
    public IReadOnlyList<string> References => references;
}
