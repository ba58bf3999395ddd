namespace Slipway.Export.Weights;

/// <summary>Reads whole rows of codes, one a byte, their scales and zero points.</summary>
internal delegate void PrequantizedReader(
    int first, int count, Span<byte> codes, Span<float> scales, Span<float> zeroPoints);

/// <summary>The codes of a matrix that a quantization library wrote, to be kept as they are.</summary>
/// <param name="Bits">Bits a code.</param>
/// <param name="Columns">Codes of a row.</param>
/// <param name="GroupSize">Columns that share a scale; the last group may have fewer.</param>
/// <param name="Groups">The group of each column where they are not grouped in their order; null otherwise.</param>
/// <param name="Read">Reads rows.</param>
internal sealed record PrequantizedRows(
    int Bits, int Columns, int GroupSize, IReadOnlyList<int>? Groups, PrequantizedReader Read)
{
    /// <summary>Tells whether zero points may be any numbers, since minima are what is stored.</summary>
    public bool HasMinima { get; init; }

    /// <summary>Values of the codes, to be multiplied by scales; null where they form a grid.</summary>
    public IReadOnlyList<float>? Values { get; init; }

    /// <summary>Scales of a row.</summary>
    public int GroupCount => (Columns + GroupSize - 1) / GroupSize;

    /// <summary>The same groups over other rows.</summary>
    public PrequantizedRows With(PrequantizedReader read) => this with { Read = read };

    /// <summary>Tells whether rows of both can stand in one matrix.</summary>
    public bool Fits(PrequantizedRows other) =>
        (Bits, Columns, GroupSize, HasMinima) == (other.Bits, other.Columns, other.GroupSize, other.HasMinima)
        && (Groups ?? []).SequenceEqual(other.Groups ?? []) && (Values ?? []).SequenceEqual(other.Values ?? []);

    /// <summary>Finds an order of the columns that brings those of a group together.</summary>
    /// <param name="order">The column at each place; null where they are together as they are.</param>
    /// <returns>False where groups have unequal numbers of columns, which no order makes blocks.</returns>
    public bool TryOrder(out int[]? order)
    {
        order = Groups is null ? null : [.. Enumerable.Range(0, Columns).OrderBy(column => Groups[column])];
        return order is null || order.Select((column, place) => Groups![column] == place / GroupSize).All(fits => fits);
    }
}
