using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Losses;

/// <summary>Computes the cross-entropy of tokens, plain, smoothed or with a z-loss.</summary>
/// <remarks>
/// <code>
/// loss = (1 − ε)·(−log p[target]) + ε·mean over the vocabulary(−log p) + z·(log Σ exp logits)²
/// </code>
/// Label smoothing keeps a share ε of the probability for all tokens (Szegedy and others, 2016); the z-loss keeps the
/// logits from drifting away from zero (Chowdhery and others, PaLM, 2022). Thread-safe.
/// </remarks>
/// <param name="LabelSmoothing">ε, from 0 to less than 1.</param>
/// <param name="ZLoss">z, 0 or more.</param>
public sealed record CrossEntropy(double LabelSmoothing = 0, double ZLoss = 0)
{
    /// <summary>The cross-entropy without additions.</summary>
    public static CrossEntropy Plain { get; } = new();

    /// <summary>Sums the loss over the targets.</summary>
    /// <param name="logits">float32 [targets, vocab_size]</param>
    /// <param name="targets">int64 [targets]</param>
    /// <returns>float32 scalar: nats, summed.</returns>
    public Tensor Sum(Tensor logits, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(logits);
        if (LabelSmoothing == 0 && ZLoss == 0)
        {
            return nn.functional.cross_entropy(logits, targets, reduction: nn.Reduction.Sum);
        }

        using var scope = NewDisposeScope();
        var normalizer = logits.logsumexp(-1);                                        // [targets]
        var chosen = logits.gather(1, targets.unsqueeze(1)).squeeze(1);
        var loss = normalizer - chosen.Times(1 - LabelSmoothing);
        if (LabelSmoothing > 0)
        {
            loss -= logits.mean([-1]).Times(LabelSmoothing);
        }

        if (ZLoss > 0)
        {
            loss = loss.Plus(normalizer.Squared().Times(ZLoss));
        }

        return loss.sum().MoveToOuterDisposeScope();
    }
}
