using Slipway.Evaluation.Perplexity;

namespace Slipway.Evaluation.Tasks;

/// <summary>Computes how probable texts are after a context.</summary>
internal static class LikelihoodScorer
{
    /// <summary>Computes the log-likelihood of each option after a context that all of them share.</summary>
    /// <remarks>
    /// Context and option are tokenized in one piece; what counts to the option are the tokens from the first on that
    /// the context alone does not have. The model computes the context once.
    /// </remarks>
    /// <exception cref="ArgumentException">An option adds no token, or nothing stands before it.</exception>
    public static async Task<double[]> ScoreAsync(
        LanguageModel model, string context, IReadOnlyList<string> options, CancellationToken cancellationToken)
    {
        var prefix = EvaluationText.Prefix(model.Tokenizer);
        var before = model.Tokenizer.Encode(context, addSpecialTokens: false);
        var runs = options.Select(async option =>
        {
            var whole = model.Tokenizer.Encode(context + option, addSpecialTokens: false);
            var start = prefix.Length + before.AsSpan().CommonPrefixLength(whole);
            int[] ids = [.. prefix, .. whole];
            if (start == 0 || start >= ids.Length)
            {
                throw new ArgumentException(
                    $"The option '{Excerpt.Of(option)}' cannot be scored after '{Excerpt.Of(context)}': "
                    + (start == 0 ? "nothing stands before it." : "it adds no token."),
                    nameof(options));
            }

            var scores = await model.ScoreContinuationAsync(ids, start, cancellationToken).ConfigureAwait(false);
            return scores.Sum(score => (double)score);
        });
        return await Task.WhenAll(runs).ConfigureAwait(false);
    }

    /// <summary>Gives the index of the largest value, of equal ones the first.</summary>
    public static int IndexOfMax(IReadOnlyList<double> values)
        => Enumerable.Range(0, values.Count).Aggregate((best, next) => values[next] > values[best] ? next : best);
}
