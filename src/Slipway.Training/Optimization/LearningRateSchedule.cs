namespace Slipway.Training.Optimization;

/// <summary>Names the course of the learning rate behind the warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>A cosine down to the floor.</summary>
    Cosine,

    /// <summary>A straight line down to the floor.</summary>
    Linear,

    /// <summary>The peak to the end.</summary>
    Constant,

    /// <summary>The peak until the last steps, which fall in a straight line to the floor (Hu and others,
    /// 2024).</summary>
    WarmupStableDecay,
}

/// <summary>Computes the learning rate of each step: linear warm-up from zero, then a course to the end.</summary>
/// <param name="Peak">The rate at the warm-up's end.</param>
/// <param name="Steps">The number of steps of the run; a falling rate reaches the floor there.</param>
/// <param name="WarmupSteps">The number of steps of the warm-up.</param>
/// <param name="Floor">The rate that a falling course ends at.</param>
/// <param name="Kind">The course behind the warm-up.</param>
/// <param name="DecaySteps">The number of falling steps of <see cref="ScheduleKind.WarmupStableDecay"/>.</param>
public sealed record LearningRateSchedule(
    double Peak, long Steps, long WarmupSteps, double Floor = 0, ScheduleKind Kind = ScheduleKind.Cosine,
    long DecaySteps = 0)
{
    /// <summary>Computes the rate of a step.</summary>
    /// <param name="step">The step, counted from 0.</param>
    public double At(long step)
    {
        if (step < WarmupSteps)
        {
            return Peak * step / WarmupSteps;
        }

        return Kind switch
        {
            ScheduleKind.Constant => Peak,
            ScheduleKind.Linear => Floor + ((Peak - Floor) * (1 - Done(step, WarmupSteps))),
            ScheduleKind.WarmupStableDecay =>
                Floor + ((Peak - Floor) * (1 - Done(step, Math.Max(WarmupSteps, Steps - DecaySteps)))),
            _ => Floor + ((Peak - Floor) * 0.5 * (1 + Math.Cos(Math.PI * Done(step, WarmupSteps)))),
        };
    }

    // The share of the way from a step to the end, 0 before it.
    private double Done(long step, long from) => Math.Clamp((double)(step - from) / Math.Max(1, Steps - from), 0, 1);
}
