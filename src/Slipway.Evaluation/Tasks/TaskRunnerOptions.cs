namespace Slipway.Evaluation.Tasks;

/// <summary>Says how a <see cref="TaskRunner"/> works.</summary>
public sealed class TaskRunnerOptions
{
    /// <summary>
    /// A file that each answer is written to when it comes, in JSON lines, so that a run that was ended goes on where
    /// it was; null for none.
    /// </summary>
    public string? ResultsPath { get; set; }

    /// <summary>The number of items put at the same time, which the engine computes in one batch.</summary>
    /// <value>8</value>
    public int Concurrency { get; set; } = 8;
}
