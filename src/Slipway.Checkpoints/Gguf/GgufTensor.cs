using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Gguf;

// A tensor as the file lists it: sizes with the innermost first, the offset from the file's beginning.
internal sealed record GgufTensor(string Name, TensorType Type, long[] Sizes, long Offset, CheckpointFile File)
{
    private const long LargestWhole = 1 << 28;

    // Elements a row; rows are contiguous and never share a block.
    public long RowLength => Sizes[0];

    public long RowBytes => RowLength / Type.BlockSize() * Type.BlockBytes();

    public long Count => Sizes.Aggregate(1L, (count, size) => count * size);

    public long Rows => Count / RowLength;

    public long ByteLength => Rows * RowBytes;

    public long[] Shape => [.. Sizes.Reverse()];

    // All values of a tensor that is rearranged as a whole.
    public float[] ReadWhole()
    {
        if (Count > LargestWhole)
        {
            throw new CheckpointException(
                $"Tensor '{Name}' of '{File.Path}' has {Count} elements; at most {LargestWhole} can be rearranged in " +
                "memory. Export the model from its Hugging Face checkpoint.", File.Path, Name);
        }

        var bytes = new byte[ByteLength];
        File.Read(Offset, bytes, Name);
        var values = new float[Count];
        Type.Decode(bytes, values);
        return values;
    }
}
