using Slipway.Training.Losses;
using Slipway.Training.Models;
using Slipway.Training.Modules;
using static TorchSharp.torch;
using AdamW = Slipway.Training.Optimization.AdamW;
using Parameter = TorchSharp.Modules.Parameter;

namespace Slipway.Training.Methods;

public sealed class PolicyParityTests(ITestOutputHelper output)
{
    private const int PromptTokens = 6;
    private const int Tokens = 20;
    private const int Sequences = 8;

    [Fact]
    public void GrpoLosses_FromTheReferenceStart_FollowTheReference()
    {
        using var reference = Reference.Methods();
        var (ids, old) = (reference.Ids("ppo.sequences"), Answers(reference.Floats("ppo.old_logprobs")));
        using var start = Detached(LogProbabilities(reference.Model, ids));
        using var advantages = PolicyLoss.GroupAdvantages(reference.Floats("grpo.rewards"), 4).unsqueeze(1);
        using var optimizer = new AdamW(reference.Model.TrainableParameters);
        var max = Reference.Train(reference.Losses("grpo"), optimizer, _ => 3e-4, 0, step =>
        {
            var policy = LogProbabilities(reference.Model, ids);
            var each = PolicyLoss.Clipped(policy, old, advantages, 0.2) + (PolicyLoss.Divergence(policy, start) * 0.04);
            return each.mean([1]).mean();
        });
        output.WriteLine($"grpo: largest difference of a loss {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }

    [Fact]
    public void PpoLosses_FromTheReferenceStart_FollowTheReference()
    {
        using var reference = Reference.Methods();
        var (ids, old) = (reference.Ids("ppo.sequences"), Answers(reference.Floats("ppo.old_logprobs")));
        using var head = new Parameter(reference.Floats("ppo.value.weight"));
        using var start = Detached(LogProbabilities(reference.Model, ids));
        using var oldValues = Detached(Values(reference.Model, head, ids));
        using var rewards = -0.05 * (old - start);
        using (no_grad())
        {
            rewards[.., rewards.shape[1] - 1] += reference.Floats("ppo.rewards");
        }

        var (raw, returns) = PolicyLoss.Generalized(rewards, oldValues, 1, 0.95);
        using var advantages = PolicyLoss.Whitened(raw);
        using var optimizer = new AdamW([.. reference.Model.TrainableParameters, ("value.weight", head)]);
        var (expected, expectedValues) = (reference.Losses("ppo"), reference.Losses("ppo", "value_losses"));
        var (max, worst) = (0.0, 0.0);

        // The reference states both parts alone.
        var sums = expected.Zip(expectedValues, (policy, value) => policy + (0.1 * value)).ToArray();
        var whole = Reference.Train(sums, optimizer, _ => 3e-4, 0, step =>
        {
            var values = PolicyLoss.ClippedValues(Values(reference.Model, head, ids), oldValues, returns, 0.2).mean();
            var policy = PolicyLoss.Clipped(LogProbabilities(reference.Model, ids), old, advantages, 0.2).mean();
            max = Math.Max(max, Math.Abs(policy.item<float>() - expected[step]));
            worst = Math.Max(worst, Math.Abs(values.item<float>() - expectedValues[step]));
            return policy + (values * 0.1);
        });
        Assert.InRange(whole, 0, 1e-4);
        output.WriteLine($"ppo: largest difference of a loss {max:e2}, of a value's loss {worst:e2}");
        Assert.InRange(max, 0, 1e-4);
        Assert.InRange(worst, 0, 1e-4);
    }

    private static Tensor LogProbabilities(CausalLanguageModel model, Tensor ids)
    {
        using var layout = SequenceLayout.Uniform(Sequences, Tokens - 1);
        var logits = model.Logits(ids[.., ..(Tokens - 1)].flatten(), layout, arange(Sequences * (Tokens - 1)));
        return Answers(TokenLogProbabilities.Of(logits, ids[.., 1..].flatten()).view(Sequences, -1));
    }

    private static Tensor Values(CausalLanguageModel model, Parameter head, Tensor ids)
    {
        using var layout = SequenceLayout.Uniform(Sequences, Tokens - 1);
        return Answers(model.HiddenStates(ids[.., ..(Tokens - 1)].flatten(), layout).matmul(head).view(Sequences, -1));
    }

    // Column t belongs to token t + 1.
    private static Tensor Answers(Tensor tokens) => tokens[.., (PromptTokens - 1)..];

    private static Tensor Detached(Tensor value) => value.detach();
}
