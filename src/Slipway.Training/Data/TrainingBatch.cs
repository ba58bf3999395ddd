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

    /// <summary>Sums the loss.</summary>
    /// <returns>float32 scalar</returns>
    public abstract Tensor SummedLoss(CausalLanguageModel model);

    /// <summary>Releases the tensors.</summary>
    public virtual void Dispose() => Tokens.Dispose();
}
