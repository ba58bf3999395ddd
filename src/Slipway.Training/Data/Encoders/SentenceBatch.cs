using Slipway.Training.Losses;
using Slipway.Training.Models.Encoders;
using static TorchSharp.torch;

namespace Slipway.Training.Data.Encoders;

/// <summary>Holds texts, their partners and texts that they are told from, in this order.</summary>
/// <param name="tokens">The texts.</param>
/// <param name="pairs">The number of pairs.</param>
/// <param name="loss">The loss of a pair.</param>
internal sealed class SentenceBatch(TokenBatch tokens, int pairs, ContrastiveLoss loss)
    : TrainingBatch<SentenceModel>(tokens)
{
    public override int Weight => pairs;

    protected override Tensor Sum(SentenceModel model)
    {
        using var scope = NewDisposeScope();
        var vectors = model.Embed(Tokens.Ids, Tokens.Layout);
        var texts = vectors.narrow(0, 0, pairs);
        var others = vectors.shape[0] - (2 * pairs);
        Guess(nn.functional.normalize(texts, 2, -1, 1e-12).matmul(
            nn.functional.normalize(vectors.narrow(0, pairs, pairs + others), 2, -1, 1e-12).t()));
        return loss.Compute(
            texts, vectors.narrow(0, pairs, pairs), others == 0 ? null : vectors.narrow(0, 2 * pairs, others))
            .sum().MoveToOuterDisposeScope();
    }
}
