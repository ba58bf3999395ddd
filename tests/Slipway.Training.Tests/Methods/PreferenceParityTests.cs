using Slipway.Training.Data;
using Slipway.Training.Losses;
using Slipway.Training.Optimization;

namespace Slipway.Training.Methods;

public sealed class PreferenceParityTests(ITestOutputHelper output)
{
    private const int PromptTokens = 6;

    private static readonly Dictionary<string, PreferenceLoss> Losses = new()
    {
        ["dpo"] = new DpoLoss(0.1), ["ipo"] = new IpoLoss(0.1), ["simpo"] = new SimPoLoss(2, 0.5),
        ["orpo"] = new OrpoLoss(0.1), ["kto"] = new KtoLoss(0.1),
    };

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen3")]
    public void DpoLosses_FromTheReferenceStart_FollowTheReference(string name)
    {
        using var reference = Reference.Training(name);
        Follow(reference, "dpo", "dpo");
    }

    [Theory]
    [InlineData("ipo")]
    [InlineData("simpo")]
    [InlineData("orpo")]
    [InlineData("kto")]
    public void Losses_FromTheReferenceStart_FollowTheReference(string method)
    {
        using var reference = Reference.Methods();
        Follow(reference, method, "preference");
    }

    [Fact]
    public void Of_WithoutTheReferenceThatTheLossNeeds_SaysSo()
    {
        using var one = TorchSharp.torch.zeros(1);
        var error = Assert.Throws<ArgumentException>(() => new DpoLoss().Of(new(one, one, one, one)));
        Assert.StartsWith(
            "'DpoLoss' compares with a reference model, whose log-probabilities are missing.", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Dpo_WithAWeightOfTheChosen_AddsTheirLossAToken()
    {
        float[] chosen = [-3, -8], rejected = [-4, -2], start = [-3.5f, -7], other = [-3, -2.5f], tokens = [4, 5];
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var each = new DpoLoss(0.3, 0.7).Of(new(
            Of(chosen), Of(rejected), Of(tokens), Of(tokens), Of(start), Of(other)));
        for (var pair = 0; pair < 2; pair++)
        {
            var margin = (chosen[pair] - start[pair]) - (rejected[pair] - other[pair]);
            var expected = Math.Log(1 + Math.Exp(-0.3 * margin)) - (0.7 * chosen[pair] / tokens[pair]);
            Assert.Equal(expected, each[pair].item<float>(), 1e-5);
        }

        static TorchSharp.torch.Tensor Of(float[] values) => TorchSharp.torch.tensor(values);
    }

    private void Follow(Reference reference, string method, string data)
    {
        var expected = reference.Losses(method);
        var pairs = new PreferenceStageData(
            Pairs(reference, data, expected.Length), Losses[method], 20);
        Assert.Equal(4 * expected.Length, pairs.Count);
        if (pairs.NeedsReference)
        {
            pairs.Reference = pairs.Score(reference.Model, 0, pairs.Count);
        }

        using var optimizer = new AdamW(reference.Model.TrainableParameters);
        var max = Reference.Train(expected, optimizer, _ => 5e-4, 0, step =>
        {
            using var batch = pairs.Batch([.. Enumerable.Range(4 * step, 4)]);
            return batch.SummedLoss(reference.Model) / batch.Weight;
        });
        output.WriteLine($"{method}: largest difference of a loss {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }

    private static TokenDataset Pairs(Reference reference, string data, int steps)
    {
        var dataset = new TokenDataset();
        var learned = Enumerable.Range(0, 20).Select(token => token >= PromptTokens).ToArray();
        for (var step = 0; step < steps; step++)
        {
            using var chosen = reference.Ids($"{data}.chosen", step);
            using var rejected = reference.Ids($"{data}.rejected", step);
            for (var pair = 0; pair < 4; pair++)
            {
                dataset.Add([.. chosen[pair].data<long>().Select(id => (int)id)], learned);
                dataset.Add([.. rejected[pair].data<long>().Select(id => (int)id)], learned);
            }
        }

        return dataset;
    }
}
