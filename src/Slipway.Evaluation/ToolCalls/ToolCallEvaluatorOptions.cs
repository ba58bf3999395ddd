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
}
