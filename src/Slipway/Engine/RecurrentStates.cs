using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine;

/// <summary>Holds the states of all sequences that do not grow: for each tensor two buffers [rows, …].</summary>
/// <remarks>
/// A run reads the one and writes the other, and only rows that it was meant for are taken over: a row that merely ran
/// along, or whose run was ended, keeps what it had. Not safe for concurrent use.
/// </remarks>
internal sealed class RecurrentStates(IReadOnlyList<StateTensor> tensors) : IDisposable
{
    private readonly NativeBuffer?[] _pasts = new NativeBuffer?[tensors.Count];
    private readonly NativeBuffer?[] _presents = new NativeBuffer?[tensors.Count];

    public long BytesFor(int rows) => 2 * rows * tensors.Sum(tensor => tensor.RowBytes);

    /// <summary>Makes room for another number of rows and keeps the first ones.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory; nothing is kept then.</exception>
    public void Resize(int rows, int kept)
    {
        try
        {
            for (var i = 0; i < tensors.Count; i++)
            {
                var bytes = tensors[i].RowBytes;
                var grown = new NativeBuffer(bytes * rows);
                for (var row = 0; row < Math.Min(rows, kept) && _pasts[i] is { } old; row++)
                {
                    Row(old, i, row).CopyTo(Row(grown, i, row));
                }

                _pasts[i]?.Dispose();
                _pasts[i] = grown;
                _presents[i]?.Dispose();
                _presents[i] = null;
                _presents[i] = new NativeBuffer(bytes * rows);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void CopyRow(int from, int to)
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            Row(_pasts[i]!, i, from).CopyTo(Row(_pasts[i]!, i, to));
        }
    }

    /// <summary>Begins a sequence.</summary>
    public void Clear(int row)
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            Row(_pasts[i]!, i, row).Clear();
        }
    }

    /// <summary>Takes over what the last run wrote for a row.</summary>
    public void Commit(int row)
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            Row(_presents[i]!, i, row).CopyTo(Row(_pasts[i]!, i, row));
        }
    }

    /// <summary>Wraps consecutive rows of a tensor as a run reads them; the caller disposes the value.</summary>
    public OrtValue Past(int tensor, int firstRow, int rows) => View(_pasts[tensor]!, tensor, firstRow, rows);

    /// <summary>Wraps consecutive rows of a tensor as a run writes them; the caller disposes the value.</summary>
    public OrtValue Present(int tensor, int firstRow, int rows) => View(_presents[tensor]!, tensor, firstRow, rows);

    public void Dispose()
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            _pasts[i]?.Dispose();
            _presents[i]?.Dispose();
            _pasts[i] = _presents[i] = null;
        }
    }

    private Span<byte> Row(NativeBuffer buffer, int tensor, int row)
        => buffer.AsSpan<byte>(row * tensors[tensor].RowBytes, (int)tensors[tensor].RowBytes);

    private OrtValue View(NativeBuffer buffer, int tensor, int firstRow, int rows)
    {
        var bytes = tensors[tensor].RowBytes;
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance,
            tensors[tensor].Type,
            [rows, .. tensors[tensor].Shape],
            buffer.Address + (nint)(bytes * firstRow),
            bytes * rows);
    }
}
