namespace Slipway.Training.Optimization;

/// <summary>Computes the learning rate of each step: linear warm-up from zero, then a cosine down to a floor.</summary>
/// <param name="Peak">The rate at the warm-up's end.</param>
/// <param name="Steps">The number of steps of the run; the cosine reaches the floor there.</param>
/// <param name="WarmupSteps">The number of steps of the warm-up.</param>
/// <param name="Floor">The rate that the cosine ends at.</param>
public sealed record LearningRateSchedule(double Peak, long Steps, long WarmupSteps, double Floor = 0)
{
    /// <summary>Computes the rate of a step.</summary>
    /// <param name="step">The step, counted from 0.</param>
    public double At(long step)
    {
        if (step < WarmupSteps)
        {
            return Peak * step / WarmupSteps;
        }

        var done = Math.Min(1, (double)(step - WarmupSteps) / Math.Max(1, Steps - WarmupSteps));
        return Floor + ((Peak - Floor) * 0.5 * (1 + Math.Cos(Math.PI * done)));
    }
}
