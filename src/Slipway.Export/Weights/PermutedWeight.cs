namespace Slipway.Export.Weights;

/// <summary>The rows of a matrix in another order, some of which may be zeros.</summary>
/// <param name="plain">The matrix.</param>
/// <param name="order">For each row, which one of the matrix it is; negative for zeros.</param>
internal sealed class PermutedWeight(Weight plain, IReadOnlyList<int> order) : Weight(order.Count, plain.Columns)
{
    public override StoredCodes? Codes => plain.Codes is { } stored
        ? stored.With((first, count, codes, scales, zeroPoints) =>
        {
            var groups = stored.GroupCount;
            for (var row = 0; row < count; row++)
            {
                var rowCodes = codes.Slice(row * Columns, Columns);
                var rowZeroPoints = zeroPoints.Slice(row * groups, groups);
                var rowScales = scales.Slice(row * groups, groups);
                if (order[first + row] < 0)
                {
                    rowCodes.Clear();
                    rowZeroPoints.Clear();
                    rowScales.Fill(1);
                    continue;
                }

                stored.Read(order[first + row], 1, rowCodes, rowScales, rowZeroPoints);
            }
        })
        : null;

    public override void ReadRows(int first, int count, Span<float> destination)
    {
        for (var row = 0; row < count; row++)
        {
            var values = destination.Slice(row * Columns, Columns);
            if (order[first + row] < 0)
            {
                values.Clear();
                continue;
            }

            plain.ReadRows(order[first + row], 1, values);
        }
    }

    public override RowSource? SourceOf(int row) => order[row] < 0 ? null : plain.SourceOf(order[row]);
}
