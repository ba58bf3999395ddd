namespace Slipway.Training.Tuning;

/// <summary>Says how scales are tuned.</summary>
public sealed record ScaleTuningOptions
{
    /// <summary>The time for steps; they end with it.</summary>
    /// <value>Eight minutes.</value>
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(8);

    /// <summary>The maximum of steps; they end with it too.</summary>
    /// <value>400</value>
    public int MaxSteps { get; init; } = 400;

    /// <summary>Texts of a step.</summary>
    /// <value>8</value>
    public int BatchSize { get; init; } = 8;

    /// <summary>Learning rate of Adam at the beginning; it falls to 0 along a cosine.</summary>
    /// <remarks>
    /// A package that was calibrated is near the float model already: SmolLM2's came nearer with 1e-4 and farther with
    /// 5e-4. One that was quantized without a text gains more with 1e-3.
    /// </remarks>
    /// <value>1e-4</value>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Texts that are held back, over which the best state is chosen.</summary>
    /// <value>16</value>
    public int HeldBack { get; init; } = 16;

    /// <summary>
    /// A file that the state is written to from time to time and read from where it is there, so that a run goes on
    /// after its process ended; null for none.
    /// </summary>
    public string? StateFile { get; init; }
}

/// <summary>Tells how far tuning has come.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Share">The part of the time or of the steps that is over, 0 to 1.</param>
/// <param name="Loss">The last step's divergence from the float model, in nats a token.</param>
/// <param name="HeldBack">The divergence over the texts held back when it was last measured, in nats a token.</param>
public readonly record struct ScaleTuningProgress(int Step, double Share, double Loss, double HeldBack);

/// <summary>Holds what tuning found.</summary>
/// <param name="Constants">The new values of constants of the graph, by their names, in the constants' order.</param>
/// <param name="Steps">Steps taken, those of earlier processes included.</param>
/// <param name="Before">The divergence over the texts held back before the first step, in nats a token.</param>
/// <param name="After">The divergence of the state that was kept.</param>
public sealed record ScaleTuningResult(
    IReadOnlyDictionary<string, float[]> Constants, int Steps, double Before, double After);
