namespace Slipway.Export.Quantization.Folding;

/// <summary>
/// A value of a graph whose channels may be divided by any factors, and the constants that take them up.
/// </summary>
/// <remarks>
/// What the graph computes stays the same. Heads that share a value head share the factors of its channels.
/// </remarks>
/// <param name="Factors">
/// The factor of each of its channels, as an index; the experts of a mixture one after the other.
/// </param>
/// <param name="Count">The number of factors.</param>
/// <param name="Targets">What takes the factors up.</param>
internal sealed record ScaleFold(int[] Factors, int Count, IReadOnlyList<FoldTarget> Targets);

/// <summary>A constant that takes up factors.</summary>
/// <param name="Constant">The constant's name.</param>
/// <param name="IsRows">
/// Whether each row has a factor, of all its matrices as they are stored; each column otherwise, where further matrices
/// may have factors of their own.
/// </param>
/// <param name="Factors">The index of each one's factor; negative for none.</param>
/// <param name="Divides">Whether elements are divided by it; multiplied otherwise.</param>
internal sealed record FoldTarget(string Constant, bool IsRows, int[] Factors, bool Divides)
{
    /// <summary>Returns what rows or columns are multiplied by.</summary>
    public float[] Multipliers(ReadOnlySpan<float> factors)
    {
        var result = new float[Factors.Length];
        for (var index = 0; index < result.Length; index++)
        {
            var factor = Factors[index] < 0 ? 1 : factors[Factors[index]];
            result[index] = Divides ? 1 / factor : factor;
        }

        return result;
    }
}
