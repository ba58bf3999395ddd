using Slipway.Sampling;

namespace Slipway.Evaluation.Divergence;

/// <summary>Compares two distributions of the next token.</summary>
/// <param name="Divergence">D(reference ‖ candidate) in nats; never negative.</param>
/// <param name="Agrees">Whether the same token is the most probable one.</param>
/// <param name="ReferenceNll">The negative log-likelihood that the reference gives to the text's token.</param>
/// <param name="CandidateNll">The same of the candidate.</param>
internal readonly record struct TokenDivergence(
    double Divergence, bool Agrees, double ReferenceNll, double CandidateNll)
{
    /// <summary>Compares logits, [vocabulary] each.</summary>
    public static TokenDivergence Of(ReadOnlySpan<float> reference, ReadOnlySpan<float> candidate, int id)
    {
        double referenceScale = Softmax.LogSumExp(reference), candidateScale = Softmax.LogSumExp(candidate);
        var (sum, referenceBest, candidateBest) = (0.0, 0, 0);
        for (var i = 0; i < reference.Length; i++)
        {
            var expected = reference[i] - referenceScale;
            var probability = Math.Exp(expected);

            // What the reference rules out adds nothing, also where its logarithm is minus infinity.
            sum += probability > 0 ? probability * (expected - (candidate[i] - candidateScale)) : 0;
            referenceBest = reference[i] > reference[referenceBest] ? i : referenceBest;
            candidateBest = candidate[i] > candidate[candidateBest] ? i : candidateBest;
        }

        // A sum of rounded terms may be below zero by less than their error.
        return new TokenDivergence(
            Math.Max(0, sum), referenceBest == candidateBest, referenceScale - reference[id],
            candidateScale - candidate[id]);
    }
}
