using Slipway.Training.Losses;
using Slipway.Training.Models.Encoders;
using static TorchSharp.torch;

namespace Slipway.Training.Data.Encoders;

/// <summary>Holds texts of which labels, or hidden tokens, are to be told.</summary>
/// <param name="tokens">The texts; positions are the tokens that are told.</param>
/// <param name="types">The kind of each token; null for the first kind.</param>
/// <param name="isWhole">Whether a text as a whole has the label, not its tokens.</param>
/// <param name="loss">The loss of a target.</param>
internal sealed class EncoderBatch(TokenBatch tokens, long[]? types, bool isWhole, CrossEntropy loss)
    : TrainingBatch<EncoderModel>(tokens)
{
    public override int Weight => Tokens.TargetCount;

    protected override Tensor Sum(EncoderModel model)
    {
        using var scope = NewDisposeScope();
        var hidden = model.HiddenStates(Tokens.Ids, Tokens.Layout, types is null ? null : tensor(types));
        var logits = model.Head(isWhole ? hidden : hidden.index_select(0, Tokens.Positions), Tokens.Layout);
        Guess(logits);
        return loss.Sum(logits, Tokens.Targets).MoveToOuterDisposeScope();
    }
}
