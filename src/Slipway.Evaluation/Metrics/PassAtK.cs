namespace Slipway.Evaluation.Metrics;

/// <summary>Estimates how probable it is that one of several attempts succeeds.</summary>
public static class PassAtK
{
    /// <summary>Computes the unbiased estimate of pass@k.</summary>
    /// <remarks>
    /// M. Chen et al., "Evaluating Large Language Models Trained on Code", 2021: 1 − C(n − c, k) / C(n, k), as a
    /// product that stays in range.
    /// </remarks>
    /// <param name="attempts">Attempts at a task, n.</param>
    /// <param name="right">Those that succeeded, c.</param>
    /// <param name="k">Attempts of which one has to succeed, from 1 to n.</param>
    /// <returns>The probability, 0 to 1.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A count is negative, c is above n, or k is not from 1 to
    /// n.</exception>
    public static double Estimate(int attempts, int right, int k)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(k);
        ArgumentOutOfRangeException.ThrowIfLessThan(attempts, k);
        ArgumentOutOfRangeException.ThrowIfNegative(right);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(right, attempts);
        if (attempts - right < k)
        {
            return 1;
        }

        var noneOfThem = 1.0;
        for (var i = attempts - right + 1; i <= attempts; i++)
        {
            noneOfThem *= 1 - ((double)k / i);
        }

        return 1 - noneOfThem;
    }
}
