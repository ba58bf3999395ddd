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

    /// <summary>
    /// A file that each window's result is written to when it comes, in JSON lines, so that a run that was ended goes
    /// on where it was; null for none. One of another model, text or division is refused.
    /// </summary>
    public string? ResultsPath { get; set; }

    /// <summary>Gives the same division with another file of results.</summary>
    internal PerplexityOptions With(string? resultsPath) => new()
    {
        Window = Window, Stride = Stride, Windows = Windows, ResultsPath = resultsPath,
    };

    internal static PerplexityOptions Checked(PerplexityOptions options, int contextLength)
    {
        List<string> errors = [];
        if (options.Window < 2 || options.Window > contextLength)
        {
            errors.Add($"Window is '{options.Window}'; expected from 2 to '{contextLength}', the model's context.");
        }

        if (options.Stride < 1 || options.Stride > options.Window)
        {
            errors.Add(
                $"Stride is '{options.Stride}'; expected from 1 to Window '{options.Window}', or null.");
        }

        if (options.Windows < 1)
        {
            errors.Add($"Windows is '{options.Windows}'; expected 1 or more, or null for the whole text.");
        }

        return errors.Count == 0 ? options : throw new ArgumentException(string.Join(" ", errors), nameof(options));
    }
}
