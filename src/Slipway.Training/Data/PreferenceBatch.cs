using Slipway.Training.Losses;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Data;

/// <summary>Holds pairs of a preferred and a rejected answer, by turns.</summary>
/// <param name="tokens">The sequences; targets are the answers' tokens.</param>
/// <param name="loss">The loss of a pair.</param>
/// <param name="reference">The reference model's log-probability of each answer; null where the loss needs
/// none.</param>
internal sealed class PreferenceBatch(TokenBatch tokens, PreferenceLoss loss, float[]? reference)
    : TrainingBatch<CausalLanguageModel>(tokens)
{
    public override int Weight => Tokens.Layout.Sequences / 2;

    /// <summary>Sums the log-probabilities of each answer's tokens: float32 [answers].</summary>
    public Tensor LogProbabilities(CausalLanguageModel model)
    {
        using var scope = NewDisposeScope();
        var each = TokenLogProbabilities.Of(
            model.Logits(Tokens.Ids, Tokens.Layout, Tokens.Positions), Tokens.Targets);
        return TokenLogProbabilities.SumBySequence(each, Tokens.Sequences, Tokens.Layout.Sequences)
            .MoveToOuterDisposeScope();
    }

    protected override Tensor Sum(CausalLanguageModel model)
    {
        using var scope = NewDisposeScope();
        var (sums, counts) = (LogProbabilities(model), tensor(Tokens.TargetsBySequence()));
        var (chosen, rejected) = Sides(sums);
        var (chosenTokens, rejectedTokens) = Sides(counts);
        var pairs = new PreferencePairs(chosen, rejected, chosenTokens, rejectedTokens);
        if (reference is not null)
        {
            var (first, second) = Sides(tensor(reference));
            pairs = pairs with { ReferenceChosen = first, ReferenceRejected = second };
        }

        return loss.Of(pairs).sum().MoveToOuterDisposeScope();
    }

    private static (Tensor Chosen, Tensor Rejected) Sides(Tensor answers)
    {
        var pairs = answers.view(-1, 2);
        return (pairs.select(1, 0), pairs.select(1, 1));
    }
}
