namespace Slipway.Evaluation.ToolCalls;

/// <summary>Says how a <see cref="ToolCallEvaluator"/> asks.</summary>
public sealed class ToolCallEvaluatorOptions
{
    /// <summary>The number of cases asked at the same time.</summary>
    /// <value>8</value>
    public int Concurrency { get; set; } = 8;

    /// <summary>The longest answer, in tokens.</summary>
    /// <value>200</value>
    public int MaxOutputTokens { get; set; } = 200;

    /// <summary>
    /// A file that each graded answer is written to when it comes, in JSON lines, so that a run that was ended goes on
    /// where it was; null for none. One of another model, other cases or another length is refused.
    /// </summary>
    /// <remarks>What a client is told besides, such as to guide calls, is not in the file: name one for each.</remarks>
    public string? ResultsPath { get; set; }
}
