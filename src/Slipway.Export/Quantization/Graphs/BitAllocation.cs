namespace Slipway.Export.Quantization.Graphs;

/// <summary>A way to store a matrix.</summary>
/// <param name="Format">The way.</param>
/// <param name="Bits">Bits of the whole matrix.</param>
/// <param name="Loss">What the model loses by it, nats a token.</param>
internal sealed record StorageChoice(MatrixFormat Format, double Bits, double Loss);

/// <summary>Spends bits on matrices where the model loses most.</summary>
/// <remarks>
/// Losses of matrices add up as long as they are small. From the smallest way of each matrix on, the step that saves
/// most loss a bit is taken, while it fits and is worth its bits. Source: Everett, "Generalized Lagrange Multiplier
/// Method for Solving Problems of Optimum Allocation of Resources", 1963.
/// </remarks>
internal static class BitAllocation
{
    /// <summary>The part of the loss that a bit more for all weights must save: steps half as wide save ln 4.</summary>
    public const double Worth = 1.3862943611198906;

    /// <summary>Chooses a way for each matrix.</summary>
    /// <param name="matrices">The ways of each.</param>
    /// <param name="weights">Weights of all of them together.</param>
    /// <param name="maxBits">The most bits of all together.</param>
    /// <param name="worth">The part of the loss that a bit more for all weights must save.</param>
    /// <returns>The chosen ways; those with the fewest bits where even these are too many.</returns>
    public static StorageChoice[] Choose(
        IReadOnlyList<IReadOnlyList<StorageChoice>> matrices, double weights, double maxBits, double worth)
    {
        StorageChoice[] chosen = [.. matrices.Select(ways => ways.MinBy(way => (way.Bits, way.Loss))!)];
        var (bits, loss) = (chosen.Sum(way => way.Bits), chosen.Sum(way => way.Loss));
        while (Next() is var (matrix, way))
        {
            bits += way.Bits - chosen[matrix].Bits;
            loss += way.Loss - chosen[matrix].Loss;
            chosen[matrix] = way;
        }

        return chosen;

        (int Matrix, StorageChoice Way)? Next()
        {
            (int Matrix, StorageChoice Way)? best = null;
            var most = worth * loss / weights;
            for (var matrix = 0; matrix < matrices.Count; matrix++)
            {
                foreach (var way in matrices[matrix])
                {
                    var (more, less) = (way.Bits - chosen[matrix].Bits, chosen[matrix].Loss - way.Loss);
                    if (more > 0 && bits + more <= maxBits && less > most * more)
                    {
                        (most, best) = (less / more, (matrix, way));
                    }
                }
            }

            return best;
        }
    }
}
