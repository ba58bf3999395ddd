using System.Numerics;

namespace Slipway.Checkpoints.Adapters;

// The scaled product of one target in the weight's orientation: rows [rows, rank] times columns [rank, columns].
internal sealed class LoraProduct
{
    private readonly float[] _rows;
    private readonly float[] _columns;
    private readonly int _rank;
    private readonly int _width;

    public LoraProduct(LoraAdapter adapter, LoraTarget target)
    {
        _rank = target.Rank;
        var down = new float[_rank * target.Inputs];
        var up = new float[target.Outputs * _rank];
        adapter.ReadDown(target.Name, down);
        adapter.ReadUp(target.Name, up);
        (_rows, _columns) = target.IsTransposed
            ? (Transpose(down, _rank, target.Inputs), Transpose(up, target.Outputs, _rank))
            : (up, down);
        _width = _columns.Length / _rank;
        var scale = (float)target.Scale;
        for (var i = 0; i < _rows.Length; i++)
        {
            _rows[i] *= scale;
        }
    }

    // Adds a part of a row of the product.
    public void AddTo(long row, int firstColumn, Span<float> destination)
    {
        for (var i = 0; i < _rank; i++)
        {
            var factor = _rows[(row * _rank) + i];
            var source = _columns.AsSpan((i * _width) + firstColumn, destination.Length);
            var at = 0;
            for (; at <= source.Length - Vector<float>.Count; at += Vector<float>.Count)
            {
                var sum = new Vector<float>(destination[at..]) + (new Vector<float>(source[at..]) * factor);
                sum.CopyTo(destination[at..]);
            }

            for (; at < source.Length; at++)
            {
                destination[at] += source[at] * factor;
            }
        }
    }

    private static float[] Transpose(float[] values, int height, int width)
    {
        var result = new float[values.Length];
        for (var i = 0; i < height; i++)
        {
            for (var j = 0; j < width; j++)
            {
                result[(j * height) + i] = values[(i * width) + j];
            }
        }

        return result;
    }
}
