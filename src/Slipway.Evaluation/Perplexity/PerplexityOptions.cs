namespace Slipway.Evaluation.Perplexity;

/// <summary>Says how a <see cref="PerplexityEvaluator"/> divides a text.</summary>
public sealed class PerplexityOptions
{
    /// <summary>Tokens of a window, the one that begins a sequence included.</summary>
    /// <value>1024</value>
    public int Window { get; set; } = 1024;

    /// <summary>
    /// Tokens from the start of a window to the start of the next; null for windows that do not overlap.
    /// </summary>
    /// <remarks>
    /// Where windows overlap, a token is scored once, in the first window that holds it, and later windows use it as
    /// context only.
    /// </remarks>
    public int? Stride { get; set; }

    /// <summary>The most windows to score; null for the whole text.</summary>
    public int? Windows { get; set; }
}
