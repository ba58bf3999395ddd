using Slipway.Training.Models;
using Slipway.Training.Modules;
using Slipway.Training.Running;
using static TorchSharp.torch;

namespace Slipway.Training.Methods;

/// <summary>Settings of federated averaging.</summary>
public sealed record FederatedOptions
{
    /// <summary>The number of clients that a round asks.</summary>
    /// <value>0: all.</value>
    public int ClientsPerRound { get; init; }

    /// <summary>The probability that a client takes part in a round, which it does or not whatever others do.</summary>
    /// <value>0: <see cref="ClientsPerRound"/> counts.</value>
    /// <remarks>
    /// Sums are divided by what this lets expect and not by who came, so that <see cref="PrivacyAccountant"/> can state
    /// the privacy of noise.
    /// </remarks>
    public double SamplingRate { get; init; }

    /// <summary>The largest norm of a client's update, over all weights.</summary>
    /// <value>infinity</value>
    public double MaxUpdateNorm { get; init; } = double.PositiveInfinity;

    /// <summary>The deviation of the noise that is added to an average, as a multiple of what one client can change
    /// in it.</summary>
    /// <value>0: none. Noise needs a <see cref="MaxUpdateNorm"/>.</value>
    public double NoiseMultiplier { get; init; }

    /// <summary>Seed of the choice of clients, and of noise.</summary>
    public long Seed { get; init; }
}

/// <summary>Trains one model on the data of several clients, which no one else sees (McMahan and others,
/// 2017).</summary>
/// <remarks>
/// A round sends the weights to some clients, and adds the average of their updates, weighted, to the weights. Clipped
/// updates and noise hide what a single client has (DP-FedAvg: McMahan and others, 2018);
/// <see cref="PrivacyAccountant"/> computes how much privacy that gives. One thread at a time may use an instance.
/// </remarks>
/// <param name="options">The settings.</param>
public sealed class FederatedAveraging(FederatedOptions options)
{
    /// <summary>Takes a round.</summary>
    /// <param name="model">The common model; changed in place.</param>
    /// <param name="clients">The clients.</param>
    /// <param name="round">The round, counted from 0.</param>
    /// <param name="cancellationToken">Stops a client between two steps; the model keeps the weights of before.</param>
    /// <exception cref="TrainingException">A client answers weights that are no numbers; the model keeps the weights of
    /// before.</exception>
    public void Round(
        CausalLanguageModel model, IReadOnlyList<IFederatedClient> clients, int round,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentOutOfRangeException.ThrowIfZero(clients.Count);
        if (options.NoiseMultiplier > 0 && double.IsInfinity(options.MaxUpdateNorm))
        {
            throw new ArgumentException(
                "Noise hides updates of a limited norm alone. Set MaxUpdateNorm, or NoiseMultiplier to 0.",
                nameof(clients));
        }

        if (options.SamplingRate is < 0 or > 1 || (options.SamplingRate > 0 && options.ClientsPerRound > 0))
        {
            throw new ArgumentException(
                $"SamplingRate is {options.SamplingRate} and ClientsPerRound {options.ClientsPerRound}; expected one "
                + "of the two, and a rate from 0 to 1.", nameof(clients));
        }

        using var untracked = no_grad();
        using var scope = NewDisposeScope();
        var chosen = Choose(clients, round);
        var total = options.SamplingRate > 0 ? options.SamplingRate * clients.Sum(client => client.Weight)
            : chosen.Sum(client => client.Weight);
        Tensor[] weights = [.. model.TrainableParameters.Select(one => one.Weight)];
        var start = weights.Select(weight => weight.clone()).ToArray();
        var sums = weights.Select(weight => zeros_like(weight, requires_grad: false)).ToArray();
        try
        {
            foreach (var client in chosen)
            {
                Copy(start, weights);
                using (enable_grad())
                {
                    client.Train(model, round, cancellationToken);
                }

                Add(sums, weights, start, client.Weight / total, client.Name, round);
            }
        }
        finally
        {
            Copy(start, weights);
        }

        Apply(weights, sums, clients.Max(client => client.Weight) / total, round);
    }

    private IFederatedClient[] Choose(IReadOnlyList<IFederatedClient> clients, int round)
    {
        if (options.SamplingRate > 0)
        {
            var draws = new Corpus.SeededRandom(unchecked((ulong)((options.Seed * 1_000_003) + round)));
            return [.. clients.Where(_ => draws.Chance(options.SamplingRate))];
        }

        if (options.ClientsPerRound == 0 || options.ClientsPerRound >= clients.Count)
        {
            return [.. clients];
        }

        var order = new Corpus.SeededRandom(unchecked((ulong)((options.Seed * 1_000_003) + round)));
        var indices = Enumerable.Range(0, clients.Count).ToArray();
        order.Shuffle<int>(indices);
        return [.. indices.Take(options.ClientsPerRound).Order().Select(index => clients[index])];
    }

    private void Add(Tensor[] sums, Tensor[] weights, Tensor[] start, double share, string name, int round)
    {
        using var scope = NewDisposeScope();
        var updates = weights.Zip(start, (weight, old) => weight - old).ToArray();
        double norm = stack([.. updates.Select(update => update.norm())]).norm().item<float>();
        if (!double.IsFinite(norm))
        {
            throw new TrainingException(
                $"The weights of '{name}' in round {round + 1} are no finite numbers. Lower its learning rate; the "
                + "common model keeps the weights of before.");
        }

        var scale = share * Math.Min(1, options.MaxUpdateNorm / (norm + 1e-12));
        foreach (var (sum, update) in sums.Zip(updates))
        {
            sum.Add(update, scale);
        }
    }

    private void Apply(Tensor[] weights, Tensor[] sums, double largestShare, int round)
    {
        using var generator = new Generator(unchecked((ulong)((options.Seed * 998_244_353) + round)));
        foreach (var (weight, sum) in weights.Zip(sums))
        {
            weight.Add(sum);
            if (options.NoiseMultiplier > 0)
            {
                using var noise = zeros_like(weight, requires_grad: false).normal_(
                    0, options.NoiseMultiplier * options.MaxUpdateNorm * largestShare, generator);
                weight.Add(noise);
            }
        }
    }

    private static void Copy(Tensor[] from, Tensor[] to)
    {
        foreach (var (source, target) in from.Zip(to))
        {
            target.copy_(source);
        }
    }
}
