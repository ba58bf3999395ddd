using static TorchSharp.torch;

namespace Slipway.Training.Methods;

public sealed class FederatedAveragingTests(ITestOutputHelper output)
{
    [Fact]
    public void Losses_OfRounds_FollowTheReference()
    {
        using var reference = Reference.Methods();
        using var data = reference.Ids("federated.input_ids");
        var weights = reference.Expected("federated")["weights"]!.AsArray().Select(value => (double)value!).ToArray();

        // A client's first step takes the first half of its sequences, its second the other.
        var clients = weights.Select((weight, client) => (IFederatedClient)new ModelClient(
            $"client {client}", weight, 2, 0.5, (model, step) => Reference.TokenLoss(
                model, step % 2 == 0 ? data[client][..6] : data[client][6..]))).ToArray();
        var averaging = new FederatedAveraging(new());
        var max = 0.0;
        var expected = reference.Losses("federated");
        for (var round = 0; round < expected.Length; round++)
        {
            averaging.Round(reference.Model, clients, round, TestContext.Current.CancellationToken);
            using var untracked = no_grad();
            using var scope = NewDisposeScope();
            var loss = Enumerable.Range(0, 3).Average(
                client => Reference.TokenLoss(reference.Model, data[client]).item<float>());
            max = Math.Max(max, Math.Abs(loss - expected[round]));
        }

        output.WriteLine($"federated: largest difference of a loss {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }

    [Fact]
    public void Round_OfASample_AsksSomeClientsAndTheSameForASeed()
    {
        Assert.Equal(Asked(5), Asked(5));
        Assert.Equal(3, Asked(5).Distinct().Count());
        Assert.NotEqual(Asked(5), Asked(6));

        static string[] Asked(long seed)
        {
            using var model = Reference.Load("llama");
            var clients = Enumerable.Range(0, 10).Select(index => new Fixed(index, 0)).ToArray();
            new FederatedAveraging(new() { ClientsPerRound = 3, Seed = seed }).Round(
                model, clients, 0, TestContext.Current.CancellationToken);
            return [.. clients.Where(client => client.Asked).Select(client => client.Name)];
        }
    }

    [Fact]
    public void Round_OfASampleByRate_AsksEachAloneAndDividesByWhatIsExpected()
    {
        var counts = new int[40];
        for (var round = 0; round < 40; round++)
        {
            using var model = Reference.Load("llama");
            using var before = model.TrainableParameters[0].Weight.detach().clone();
            var clients = Enumerable.Range(0, 10).Select(index => new Fixed(index, 0.5f)).ToArray();
            new FederatedAveraging(new() { SamplingRate = 0.3, Seed = 11 }).Round(
                model, clients, round, TestContext.Current.CancellationToken);
            counts[round] = clients.Count(client => client.Asked);
            using var moved = (model.TrainableParameters[0].Weight - before).detach();
            Assert.Equal(0.5 * counts[round] / 3, moved.mean().item<float>(), 1e-5);
        }

        Assert.InRange(counts.Average(), 2.2, 3.8);
        Assert.True(counts.Distinct().Count() > 3);
    }

    [Fact]
    public void Round_OfClippedUpdates_MovesNoFurtherThanTheNorm()
    {
        using var model = Reference.Load("llama");
        var before = model.TrainableParameters.Select(one => one.Weight.detach().clone()).ToArray();
        new FederatedAveraging(new() { MaxUpdateNorm = 0.25 }).Round(
            model, [new Fixed(0, 3), new Fixed(1, 3)], 0, TestContext.Current.CancellationToken);
        var square = before.Zip(model.TrainableParameters, (old, one) =>
            (double)(one.Weight - old).detach().square().sum().item<float>()).Sum();
        Assert.Equal(0.25, Math.Sqrt(square), 1e-4);
    }

    [Fact]
    public void Round_WithNoise_SpreadsAsItsMultiplierSays()
    {
        using var model = Reference.Load("llama");
        var before = model.TrainableParameters.Select(one => one.Weight.detach().clone()).ToArray();
        new FederatedAveraging(new() { MaxUpdateNorm = 2, NoiseMultiplier = 0.1 }).Round(
            model, [new Fixed(0, 0), new Fixed(1, 0)], 0, TestContext.Current.CancellationToken);
        var moved = cat([.. before.Zip(model.TrainableParameters, (old, one) => (one.Weight - old).detach().view(-1))]);

        // Clients have equal weights, so that one of them changes the average by at most half of the norm.
        Assert.Equal(0.1 * 2 / 2, moved.std().item<float>(), 2e-3);
        Assert.Equal(0, moved.mean().item<float>(), 2e-3);
    }

    private sealed class Fixed(int index, float step) : IFederatedClient
    {
        public string Name { get; } = $"client {index}";

        public bool Asked { get; private set; }

        public double Weight => 1;

        public void Train(Models.CausalLanguageModel model, int round, CancellationToken cancellationToken)
        {
            Asked = true;
            using var untracked = no_grad();
            foreach (var (_, weight) in model.TrainableParameters)
            {
                weight.add_(step);
            }
        }
    }
}
