namespace Slipway.Export.Weights;

/// <summary>The rows of a matrix in another order.</summary>
/// <param name="plain">The matrix.</param>
/// <param name="order">For each row, which one of the matrix it is.</param>
internal sealed class PermutedWeight(Weight plain, IReadOnlyList<int> order) : Weight(order.Count, plain.Columns)
{
    public override StoredCodes? Codes => plain.Codes is { } stored
        ? stored.With((first, count, codes, scales, zeroPoints) =>
        {
            int groups = stored.GroupCount;
            for (int row = 0; row < count; row++)
            {
                stored.Read(
                    order[first + row], 1, codes.Slice(row * Columns, Columns), scales.Slice(row * groups, groups),
                    zeroPoints.Slice(row * groups, groups));
            }
        })
        : null;

    public override void ReadRows(int first, int count, Span<float> destination)
    {
        for (int row = 0; row < count; row++)
        {
            plain.ReadRows(order[first + row], 1, destination.Slice(row * Columns, Columns));
        }
    }

    public override RowSource? SourceOf(int row) => plain.SourceOf(order[row]);
}
