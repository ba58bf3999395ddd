namespace Slipway.Export.Weights;

/// <summary>
/// A matrix whose rows are the columns of another, as layers were stored that multiply from the left.
/// </summary>
/// <remarks>The other one is read as a whole, once, when the first row is asked for.</remarks>
internal sealed class TransposedWeight(Weight plain) : Weight(plain.Columns, plain.Rows)
{
    private float[]? _values;

    public override RowSource? SourceOf(int row) =>
        plain.SourceOf(0) is { } source ? source with { Output = row } : null;

    public override void ReadRows(int first, int count, Span<float> destination)
    {
        if (_values is null)
        {
            _values = new float[checked(plain.Rows * plain.Columns)];
            plain.ReadRows(0, plain.Rows, _values);
        }

        for (var row = 0; row < count; row++)
        {
            for (var column = 0; column < Columns; column++)
            {
                destination[(row * Columns) + column] = _values[(column * Rows) + first + row];
            }
        }
    }
}
