using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Slipway.Evaluation.ToolCalls;

namespace Slipway.Evaluation.Evaluators;

/// <summary>Gives evaluators the calls that are right, and the tools that were offered.</summary>
/// <param name="test">The case, whose last turn is the right one.</param>
public sealed class ExpectedToolCallsContext(ToolCallCase test)
    : EvaluationContext(
        ContextName,
        [
            .. (test ?? throw new ArgumentNullException(nameof(test))).Expected.Select(
                call => new TextContent($"{call.Name}({call.Arguments.ToJsonString()})")),
        ])
{
    /// <summary>The context's name in reports.</summary>
    public const string ContextName = "Expected Tool Calls";

    /// <summary>The case.</summary>
    public ToolCallCase Case => test;
}
