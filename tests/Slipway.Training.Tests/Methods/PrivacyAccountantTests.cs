namespace Slipway.Training.Methods;

public sealed class PrivacyAccountantTests(ITestOutputHelper output)
{
    // 'compute_dp_sgd_privacy' of TensorFlow Privacy, by the older bound of ε, states 2.92 at order 9 for 60 epochs of
    // batches of 256 of 60,000 examples.
    [Fact]
    public void Divergence_OfThePublishedExample_GivesItsEpsilon()
    {
        var rounds = Math.Ceiling(60 * 60_000 / 256.0);
        var spent = rounds * PrivacyAccountant.Divergence(9, 256 / 60_000.0, 1.12);
        Assert.Equal(2.92, spent + (Math.Log(1e5) / 8), 0.005);
    }

    [Theory]
    [InlineData(2, 0.01, 1)]
    [InlineData(5, 0.2, 1.5)]
    [InlineData(9, 0.004, 1.1)]
    [InlineData(16, 0.5, 4)]
    [InlineData(3, 1, 0.8)]
    public void Divergence_OfASample_IsTheIntegral(int order, double rate, double noise)
    {
        // E over x ~ N(0, σ²) of the ratio of densities to the order: the definition, by the trapezoid rule.
        var (sum, step) = (0.0, noise / 400);
        for (var x = -40 * noise; x < order + (40 * noise); x += step)
        {
            var density = Math.Exp(-x * x / (2 * noise * noise)) / (noise * Math.Sqrt(2 * Math.PI));
            var ratio = (1 - rate) + (rate * Math.Exp(((2 * x) - 1) / (2 * noise * noise)));
            sum += density * Math.Pow(ratio, order) * step;
        }

        Assert.Equal(Math.Log(sum) / (order - 1), PrivacyAccountant.Divergence(order, rate, noise), 1e-9);
    }

    [Fact]
    public void Epsilon_OverRounds_GrowsWithThemAndFallsWithNoise()
    {
        var few = Epsilon(0.05, 1, 10);
        var many = Epsilon(0.05, 1, 1000);
        var quiet = Epsilon(0.05, 0.7, 10);
        output.WriteLine($"{few:F3} {many:F3} {quiet:F3}");
        Assert.True(few < many && few < quiet);
        Assert.True(Epsilon(0.01, 1, 10) < few);

        // Where all clients take part, four rounds spend as much as one of half the noise.
        Assert.Equal(Epsilon(1, 5, 1), Epsilon(1, 10, 4), 1e-12);

        static double Epsilon(double rate, double noise, long rounds)
        {
            var accountant = new PrivacyAccountant();
            accountant.Add(new FederatedOptions
            {
                SamplingRate = rate, NoiseMultiplier = noise, MaxUpdateNorm = 1,
            }, rounds);
            return accountant.Epsilon(1e-5);
        }
    }

    [Fact]
    public void Add_OfSettingsThatGiveNoPrivacy_SaysWhatIsMissing()
    {
        var accountant = new PrivacyAccountant();
        Assert.StartsWith("Without noise ", Assert.Throws<ArgumentException>(
            () => accountant.Add(new FederatedOptions(), 1)).Message, StringComparison.Ordinal);
        Assert.StartsWith("A fixed number of clients a round ", Assert.Throws<ArgumentException>(
            () => accountant.Add(new FederatedOptions { NoiseMultiplier = 1, ClientsPerRound = 2 }, 1)).Message,
            StringComparison.Ordinal);
    }
}
