using Slipway.Training.Losses;
using Slipway.Training.Models;
using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Data;

/// <summary>Holds answers that a policy wrote, and how much better each is than the others to its prompt.</summary>
/// <remarks>
/// The loss of an answer is the mean over its tokens of <c>−A·p/p₀ + β·k3</c>, where p₀ is p without its gradient: one
/// step is taken on answers of the very weights that wrote them, so that nothing is to be clipped.
/// </remarks>
/// <param name="tokens">The sequences; targets are the answers' tokens.</param>
/// <param name="advantages">One number a sequence.</param>
/// <param name="answers">The number of answers that the sequences stand for: those that cannot be learned from are
/// counted and not computed.</param>
/// <param name="temperature">The divisor of the logits.</param>
/// <param name="reference">The model that the policy is held to; null for none.</param>
/// <param name="beta">How strongly.</param>
internal sealed class RolloutBatch(
    TokenBatch tokens, float[] advantages, int answers, double temperature, CausalLanguageModel? reference, double beta)
    : TrainingBatch<CausalLanguageModel>(tokens)
{
    // Any value serves while the ratio is 1.
    private const double Clip = 0.2;

    public override int Weight => answers;

    protected override Tensor Sum(CausalLanguageModel model)
    {
        using var scope = NewDisposeScope();
        var policy = LogProbabilities(model);
        var each = PolicyLoss.Clipped(
            policy, policy.detach(), tensor(advantages).index_select(0, Tokens.Sequences), Clip);
        if (reference is not null)
        {
            Tensor start;
            using (no_grad())
            {
                start = LogProbabilities(reference);
            }

            each = each.Plus(PolicyLoss.Divergence(policy, start).Times(beta));
        }

        var sums = TokenLogProbabilities.SumBySequence(each, Tokens.Sequences, Tokens.Layout.Sequences);
        return (sums / tensor(Tokens.TargetsBySequence())).sum().MoveToOuterDisposeScope();
    }

    private Tensor LogProbabilities(CausalLanguageModel model)
    {
        using var scope = NewDisposeScope();
        var logits = model.Logits(Tokens.Ids, Tokens.Layout, Tokens.Positions);
        return TokenLogProbabilities.Of(temperature == 1 ? logits : logits.Over(temperature), Tokens.Targets)
            .MoveToOuterDisposeScope();
    }
}
