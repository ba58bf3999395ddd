using Slipway.Training.Corpus;

namespace Slipway.Training.Data;

/// <summary>Hides tokens for a masked language model to find (Devlin and others, 2018).</summary>
/// <remarks>
/// Of the chosen tokens four in five become the mask, one in ten a random token, and one in ten stays. A function of
/// the seed; thread-safe.
/// </remarks>
/// <param name="MaskToken">The mask's id.</param>
/// <param name="VocabSize">Random tokens have smaller ids.</param>
/// <param name="Share">The share of tokens that is chosen, from 0 to 1.</param>
public sealed record TokenMasking(int MaskToken, int VocabSize, double Share = 0.15)
{
    /// <summary>Hides tokens of a sequence.</summary>
    /// <param name="ids">The token ids.</param>
    /// <param name="special">Tokens that are never chosen, such as separators.</param>
    /// <param name="seed">What the choice is drawn from.</param>
    /// <returns>The ids that the model sees, and the places of the chosen ones.</returns>
    public (int[] Ids, int[] Places) Apply(ReadOnlySpan<int> ids, IReadOnlySet<int> special, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(special);
        var (random, seen, places) = (new SeededRandom(seed), ids.ToArray(), new List<int>());
        for (var place = 0; place < seen.Length; place++)
        {
            if (special.Contains(ids[place]) || !random.Chance(Share))
            {
                continue;
            }

            places.Add(place);
            var kind = random.Below(10);
            seen[place] = kind < 8 ? MaskToken : kind == 8 ? random.Below(VocabSize) : seen[place];
        }

        return (seen, [.. places]);
    }
}
