using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Gguf;

// A tensor as the file lists it: sizes with the innermost first, the offset from the file's beginning.
internal sealed record GgufTensor(string Name, TensorType Type, long[] Sizes, long Offset, CheckpointFile File)
{
    private const long MaxWhole = 1 << 28;

    // Elements a row; rows are contiguous and never share a block.
    public long RowLength => Sizes[0];

    public long RowBytes => RowLength / Type.BlockSize() * Type.BlockBytes();

    public long Count => Sizes.Aggregate(1L, (count, size) => count * size);

    public long Rows => Count / RowLength;

    public long ByteLength => Rows * RowBytes;

    public long[] Shape => [.. Sizes.Reverse()];

    // All values of a tensor that is rearranged as a whole.
    public float[] ReadWhole() => ReadRows(0, Rows);

    public float[] ReadRows(long first, long count)
    {
        if (count * RowLength > MaxWhole)
        {
            throw new CheckpointException(
                $"Tensor '{Name}' of '{File.Path}' has parts of {count * RowLength} elements; at most {MaxWhole} " +
                "can be rearranged in memory. Export the model from its Hugging Face checkpoint.", File.Path, Name);
        }

        var bytes = new byte[count * RowBytes];
        File.Read(Offset + (first * RowBytes), bytes, Name);
        var values = new float[count * RowLength];
        Type.Decode(bytes, values);
        return values;
    }

    public static float[] Transpose(float[] values, int rows, int columns)
    {
        var result = new float[values.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                result[(column * rows) + row] = values[(row * columns) + column];
            }
        }

        return result;
    }
}
