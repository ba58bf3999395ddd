using Slipway.Sampling;

namespace Slipway;

// What the model thinks of given tokens.
public sealed partial class LanguageModel
{
    /// <summary>Tells how probable each token of a sequence is after those before it.</summary>
    /// <param name="ids">Token ids; at least one, at most <see cref="ContextLength"/>.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>Natural log-probabilities of the second token to the last: one fewer than ids.</returns>
    /// <exception cref="ArgumentException">There are no ids, too many, or one outside the vocabulary.</exception>
    public async Task<float[]> ScoreAsync(IReadOnlyList<int> ids, CancellationToken cancellationToken = default)
        => [.. (await ScoreAsync(ids, 0, cancellationToken).ConfigureAwait(false)).Select(
            score => score.LogProbability)];

    /// <summary>
    /// Tells how probable each token of a sequence is after those before it, and which would be more so.
    /// </summary>
    /// <param name="ids">Token ids, such as a prompt's; at least one, at most <see cref="ContextLength"/>.</param>
    /// <param name="alternatives">How many of the most probable tokens to tell at each position, 0 to 100.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>The scores of the second token to the last: one fewer than ids.</returns>
    /// <exception cref="ArgumentException">
    /// There are no ids, too many, or one outside the vocabulary; or the number of alternatives is out of range.
    /// </exception>
    public async Task<IReadOnlyList<TokenScore>> ScoreAsync(
        IReadOnlyList<int> ids,
        int alternatives,
        CancellationToken cancellationToken = default)
    {
        RequestValidation.ValidateIds(ids, ContextLength, VocabularySize, nameof(ids));
        RequestValidation.ValidateAlternatives(alternatives, nameof(alternatives));
        var result = new TokenScore[ids.Count - 1];
        await ScoreAsync(ids, adapter: 0, Take, cancellationToken).ConfigureAwait(false);
        return result;

        void Take(int start, ReadOnlySpan<float> logits)
        {
            for (var i = 0; i * VocabularySize < logits.Length && start + i < result.Length; i++)
            {
                var position = logits.Slice(i * VocabularySize, VocabularySize);
                var normalizer = Softmax.LogSumExp(position);
                var id = ids[start + i + 1];
                result[start + i] = new TokenScore(
                    id, (float)(position[id] - normalizer), LogProbabilities.Top(position, normalizer, alternatives));
            }
        }
    }
}
