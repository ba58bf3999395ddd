using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Losses;

/// <summary>Computes how well each text's vector tells its own partner from those of the other pairs.</summary>
/// <remarks>
/// <code>
/// lossᵢ = −log( exp(cos(aᵢ, pᵢ)/τ) / Σ over all candidates c: exp(cos(aᵢ, c)/τ) )
/// </code>
/// Candidates are the partners of all pairs of the batch, and hard negatives where they are given. The larger the
/// batch, the more there is to tell apart. Symmetric, the mean of both directions counts: partners tell their texts
/// too, hard negatives aside. Sources: van den Oord and others, 2018 (InfoNCE); Henderson and others, 2017; Radford
/// and others, 2021, for both directions. Immutable and thread-safe.
/// </remarks>
/// <param name="Temperature">τ, more than 0: the smaller, the more the nearest candidates count.</param>
/// <param name="IsSymmetric">Whether both directions count.</param>
public sealed record ContrastiveLoss(double Temperature = 0.05, bool IsSymmetric = false)
{
    /// <summary>Computes the loss of each pair.</summary>
    /// <param name="texts">float32 [pairs, width]: the vectors of the texts, of any length.</param>
    /// <param name="partners">float32 [pairs, width]: the vectors of their partners.</param>
    /// <param name="negatives">float32 [others, width]: the vectors of texts that belong to none; may be
    /// null.</param>
    /// <returns>float32 [pairs], nats</returns>
    /// <exception cref="ArgumentException">The shapes differ, or the temperature is not more than 0.</exception>
    public Tensor Compute(Tensor texts, Tensor partners, Tensor? negatives = null)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(partners);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Temperature);
        if (texts.dim() != 2 || !texts.shape.SequenceEqual(partners.shape)
            || (negatives is not null && (negatives.dim() != 2 || negatives.shape[1] != texts.shape[1])))
        {
            throw new ArgumentException(
                $"The texts have the shape {Format(texts)}, the partners {Format(partners)} and the negatives "
                + $"{(negatives is null ? "none" : Format(negatives))}; expected [pairs, width] twice and "
                + "[others, width].", nameof(partners));
        }

        using var scope = NewDisposeScope();
        var (first, second) = (Unit(texts), Unit(partners));
        var candidates = negatives is null ? second : cat([second, Unit(negatives)]);
        var own = TensorArithmetic.Indices(texts.shape[0], texts.device);
        var loss = Choose(first.matmul(candidates.t()), own);
        if (IsSymmetric)
        {
            loss = loss.Plus(Choose(second.matmul(first.t()), own)).Over(2);
        }

        return loss.MoveToOuterDisposeScope();
    }

    private Tensor Choose(Tensor cosines, Tensor own) =>
        nn.functional.cross_entropy(cosines.Over(Temperature), own, reduction: nn.Reduction.None);

    private static Tensor Unit(Tensor vectors) => nn.functional.normalize(vectors, 2, -1, 1e-12);

    private static string Format(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
