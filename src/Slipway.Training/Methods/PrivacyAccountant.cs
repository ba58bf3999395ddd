namespace Slipway.Training.Methods;

/// <summary>Computes how much privacy rounds of noise leave: ε for a δ.</summary>
/// <remarks>
/// Rényi divergences of the Gaussian mechanism over a Poisson sample (Mironov, Talwar and Zhang, 2019), at whole
/// orders, added over rounds and turned into (ε, δ) by the bound of Balle and others (2020). Two sets of clients are
/// neighbours that differ in one client. One thread at a time may use an instance.
/// </remarks>
public sealed class PrivacyAccountant
{
    private static readonly int[] Orders =
        [.. Enumerable.Range(2, 63), 72, 80, 96, 112, 128, 160, 192, 256, 384, 512, 768, 1024];

    private readonly double[] _spent = new double[Orders.Length];

    /// <summary>Counts rounds.</summary>
    /// <param name="samplingRate">The probability that a client takes part in a round, above 0 and at most 1.</param>
    /// <param name="noiseMultiplier">The noise's deviation by what one client can change, above 0.</param>
    /// <param name="rounds">The number of rounds.</param>
    public void Add(double samplingRate, double noiseMultiplier, long rounds = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rounds);
        for (var index = 0; index < Orders.Length; index++)
        {
            _spent[index] += rounds * Divergence(Orders[index], samplingRate, noiseMultiplier);
        }
    }

    /// <summary>Counts rounds of federated averaging.</summary>
    /// <param name="options">Its settings, with noise.</param>
    /// <param name="rounds">The number of rounds.</param>
    /// <exception cref="ArgumentException">The settings give no privacy that can be stated.</exception>
    public void Add(FederatedOptions options, long rounds)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.NoiseMultiplier <= 0 || options.ClientsPerRound > 0)
        {
            throw new ArgumentException(
                options.NoiseMultiplier <= 0
                    ? "Without noise a client's data is not hidden. Set NoiseMultiplier."
                    : "A fixed number of clients a round is no sample that privacy is known for. Set SamplingRate in "
                        + "the place of ClientsPerRound.", nameof(options));
        }

        Add(options.SamplingRate > 0 ? options.SamplingRate : 1, options.NoiseMultiplier, rounds);
    }

    /// <summary>Computes ε for a δ.</summary>
    /// <param name="delta">δ: between 0 and 1, far below one by the number of clients.</param>
    /// <returns>The least ε that one of the orders proves.</returns>
    public double Epsilon(double delta)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(delta);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(delta, 1);
        return Math.Max(0, Orders.Select((order, index) => _spent[index] + Math.Log(1 - (1.0 / order))
            - ((Math.Log(delta) + Math.Log(order)) / (order - 1))).Min());
    }

    /// <summary>Computes the Rényi divergence of one round.</summary>
    /// <remarks>
    /// <c>1 / (α − 1) · log Σₖ C(α, k) (1 − q)^(α − k) q^k exp((k² − k) / 2σ²)</c>
    /// </remarks>
    /// <param name="order">α: a whole number from 2 on.</param>
    /// <param name="samplingRate">q</param>
    /// <param name="noiseMultiplier">σ</param>
    public static double Divergence(int order, double samplingRate, double noiseMultiplier)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 2);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(samplingRate);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(samplingRate, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(noiseMultiplier);
        var variance = noiseMultiplier * noiseMultiplier;
        if (samplingRate == 1)
        {
            return order / (2 * variance);
        }

        var (terms, choices) = (new double[order + 1], 0.0);
        for (var k = 0; k <= order; k++)
        {
            choices += k == 0 ? 0 : Math.Log((double)(order - k + 1) / k);
            terms[k] = choices + ((order - k) * Math.Log(1 - samplingRate)) + (k * Math.Log(samplingRate))
                + (((double)k * (k - 1)) / (2 * variance));
        }

        var max = terms.Max();
        return (max + Math.Log(terms.Sum(term => Math.Exp(term - max)))) / (order - 1);
    }
}
