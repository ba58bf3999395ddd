using System.Numerics;

namespace Slipway.Checkpoints.Adapters;

// The scaled product of one target in the weight's orientation: rows [rows, rank] times columns [rank, columns].
internal sealed class LoraProduct
{
    private readonly float[] rows;
    private readonly float[] columns;
    private readonly int rank;
    private readonly int width;

    public LoraProduct(LoraAdapter adapter, LoraTarget target)
    {
        rank = target.Rank;
        var down = new float[rank * target.Inputs];
        var up = new float[target.Outputs * rank];
        adapter.ReadDown(target.Name, down);
        adapter.ReadUp(target.Name, up);
        (rows, columns) = target.IsTransposed
            ? (Transpose(down, rank, target.Inputs), Transpose(up, target.Outputs, rank))
            : (up, down);
        width = columns.Length / rank;
        var scale = (float)target.Scale;
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] *= scale;
        }
    }

    // Adds a part of a row of the product.
    public void AddTo(long row, int firstColumn, Span<float> destination)
    {
        for (var i = 0; i < rank; i++)
        {
            var factor = rows[(row * rank) + i];
            var source = columns.AsSpan((i * width) + firstColumn, destination.Length);
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
