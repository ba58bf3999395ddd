using Slipway.Checkpoints;

namespace Slipway.Export.Weights;

/// <summary>The matrices of a tensor [count, columns, rows], turned and one below the other.</summary>
/// <remarks>Holds one turned matrix at a time.</remarks>
internal sealed class TransposedStack(Checkpoint checkpoint, string name, int count, int rows, int columns)
    : Weight(checked(count * rows), columns)
{
    private float[] _turned = [];
    private int _held = -1;

    public override void ReadRows(int first, int count, Span<float> destination)
    {
        for (var row = first; row < first + count; row++)
        {
            Hold(row / rows);
            _turned.AsSpan(row % rows * Columns, Columns).CopyTo(destination[((row - first) * Columns)..]);
        }
    }

    private void Hold(int index)
    {
        if (_held == index)
        {
            return;
        }

        var size = checked(rows * Columns);
        var stored = new float[size];
        checkpoint.ReadFloats(name, (long)index * size, stored);
        if (_turned.Length < size)
        {
            _turned = new float[size];
        }

        Parallel.For(0, rows, row =>
        {
            for (var column = 0; column < Columns; column++)
            {
                _turned[(row * Columns) + column] = stored[(column * rows) + row];
            }
        });
        _held = index;
    }
}
