using Slipway.Training.Data;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Losses;

/// <summary>Computes what a stage that learns token by token minimizes.</summary>
internal interface ITokenObjective
{
    /// <summary>Sums the loss over a batch's targets: float32 scalar.</summary>
    Tensor Sum(CausalLanguageModel model, TokenBatch batch);
}

/// <summary>The cross-entropy of the targets.</summary>
internal sealed class CrossEntropyObjective(CrossEntropy loss) : ITokenObjective
{
    public Tensor Sum(CausalLanguageModel model, TokenBatch batch) =>
        model.SummedLoss(batch.Ids, batch.Layout, batch.Positions, batch.Targets, loss);
}

/// <summary>The divergence from a teacher's distributions, mixed with the cross-entropy of the targets.</summary>
internal sealed class DistillationObjective(CausalLanguageModel teacher, DistillationLoss loss) : ITokenObjective
{
    public Tensor Sum(CausalLanguageModel model, TokenBatch batch)
    {
        using var scope = NewDisposeScope();
        Tensor taught;
        using (no_grad())
        {
            taught = teacher.Logits(batch.Ids, batch.Layout, batch.Positions);
        }

        return loss.Sum(model.Logits(batch.Ids, batch.Layout, batch.Positions), taught, batch.Targets)
            .MoveToOuterDisposeScope();
    }
}
