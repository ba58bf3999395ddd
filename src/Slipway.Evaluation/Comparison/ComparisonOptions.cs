using Slipway.Evaluation.Bench;
using Slipway.Evaluation.Perplexity;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Comparison;

/// <summary>Says what a <see cref="PackageComparison"/> measures.</summary>
public sealed class ComparisonOptions
{
    /// <summary>A text file in UTF-8 to measure perplexity on; null for none.</summary>
    public string? TextPath { get; set; }

    /// <summary>The way the text is divided; windows longer than a model's context are an error.</summary>
    public PerplexityOptions Text { get; set; } = new();

    /// <summary>
    /// The package that KL divergence and agreement over the text are measured against, such as the float one; null for
    /// neither.
    /// </summary>
    public string? ReferencePackage { get; set; }

    /// <summary>The tasks to score.</summary>
    public IReadOnlyList<EvaluationTask> Tasks { get; set; } = [];

    /// <summary>
    /// The measurement of speed; null for none. Its rounds go around all packages, so that none has the quiet hour for
    /// itself; there is no plain loop beside it.
    /// </summary>
    public BenchOptions? Speed { get; set; } = new();

    /// <summary>Resources of the models.</summary>
    public LanguageModelOptions Model { get; set; } = new();

    /// <summary>
    /// A folder for what is measured, as it comes, so that a comparison that was ended goes on where it was; null for
    /// none.
    /// </summary>
    public string? ResultsFolder { get; set; }

    /// <summary>The number of a task's items put at the same time.</summary>
    /// <value>8</value>
    public int Concurrency { get; set; } = 8;

    /// <summary>Chooses the sets of the bootstrap.</summary>
    public int Seed { get; set; }
}
