using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Data;

/// <summary>Holds what a part of a step is computed from.</summary>
/// <param name="tokens">The sequences; the batch owns them.</param>
internal abstract class TrainingBatch(TokenBatch tokens) : IDisposable
{
    public TokenBatch Tokens { get; } = tokens;

    /// <summary>The divisor of a step's sum: targets, or pairs.</summary>
    public abstract int Weight { get; }

    /// <summary>The model's choice for each target when the loss was summed without gradients; null for a kind of
    /// batch that keeps none.</summary>
    public long[]? Guesses { get; private set; }

    /// <summary>Sums the loss.</summary>
    /// <returns>float32 scalar</returns>
    public abstract Tensor SummedLoss(ITrainedModel model);

    /// <summary>Releases the tensors.</summary>
    public virtual void Dispose() => Tokens.Dispose();

    /// <summary>Keeps the largest of each target's scores, where nothing is learned.</summary>
    /// <param name="scores">float32 [targets, choices]</param>
    protected void Guess(Tensor scores)
    {
        if (!is_grad_enabled())
        {
            Guesses = [.. scores.argmax(1).data<long>()];
        }
    }
}

/// <summary>Holds what a part of a step of one kind of model is computed from.</summary>
/// <typeparam name="TModel">The kind of model.</typeparam>
/// <param name="tokens">The sequences; the batch owns them.</param>
internal abstract class TrainingBatch<TModel>(TokenBatch tokens) : TrainingBatch(tokens)
    where TModel : class, ITrainedModel
{
    public sealed override Tensor SummedLoss(ITrainedModel model) => Sum((TModel)model);

    /// <summary>Sums the loss.</summary>
    /// <returns>float32 scalar</returns>
    protected abstract Tensor Sum(TModel model);
}
