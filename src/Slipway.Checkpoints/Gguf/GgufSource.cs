namespace Slipway.Checkpoints.Gguf;

// The place in the file that a tensor under its Hugging Face name comes from.
internal abstract record GgufSource(TensorInfo Info);

// A tensor whose stored rows are read in another order, or from the first row of a part on. Rows never share a block,
// so that bytes can be moved as they are.
internal sealed record GgufRows(TensorInfo Info, GgufTensor Tensor) : GgufSource(Info)
{
    // Elements of a vector are its rows.
    public long RowBytes { get; init; } = Tensor.RowBytes;

    // The file's row for a row of this tensor; null where all are read in their order.
    public Func<long, long>? RowOf { get; init; }

    public long FirstRow { get; init; }
}

// A tensor that is computed from others, in equal parts along its first dimension; the last part read is kept while
// memory lasts. Its type is float32.
internal sealed record GgufComputed(TensorInfo Info, int Parts, Func<int, float[]> Compute) : GgufSource(Info)
{
    private readonly WeakReference<Part?> _kept = new(null);

    public long PartBytes => Info.ByteLength / Parts;

    public float[] this[int part]
    {
        get
        {
            if (!_kept.TryGetTarget(out var found) || found.Index != part)
            {
                found = new Part(part, Compute(part));
                _kept.SetTarget(found);
            }

            return found.Values;
        }
    }

    private sealed record Part(int Index, float[] Values);
}
