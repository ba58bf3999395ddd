using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine;

/// <summary>Holds keys and values of all sequences: for each tensor one buffer [rows, heads, capacity, size].</summary>
/// <remarks>
/// The first <c>n</c> rows are one batch without copying, and so is a single row. Memory that no token has reached
/// is reserved but not resident: a layer with a window always has buffers of its own capacity, and of rows that are
/// shorter only their part counts. Not safe for concurrent use.
/// </remarks>
internal sealed class KeyValueCache(DecoderGraph graph) : IDisposable
{
    private readonly NativeBuffer?[] _buffers = new NativeBuffer?[graph.Cache.Count];

    public int Rows { get; private set; }

    /// <summary>Tokens that each row has room for.</summary>
    public int Capacity { get; private set; }

    public long Bytes => BytesFor(Rows, Capacity);

    public long BytesFor(int rows, int capacity)
        => checked((graph.Size.BytesFor(capacity) - graph.Size.RowBytes) * rows);

    /// <summary>Gives the buffers another size and keeps each row's first tokens.</summary>
    /// <param name="rows">Rows to have.</param>
    /// <param name="capacity">Tokens that each row is to have room for.</param>
    /// <param name="lengths">For each present row, how many tokens to keep.</param>
    /// <exception cref="OutOfMemoryException">There is no memory; nothing is kept then.</exception>
    public void Resize(int rows, int capacity, ReadOnlySpan<int> lengths)
    {
        try
        {
            ResizeAll(rows, capacity, lengths);
        }
        catch
        {
            // Some tensors have the old size and some the new one: none can be used.
            Dispose();
            throw;
        }
    }

    public void CopyRow(int from, int to, int length)
    {
        for (var i = 0; i < _buffers.Length; i++)
        {
            CopyRow(graph.Cache[i], _buffers[i]!, from, Capacity, _buffers[i]!, to, Capacity, length);
        }
    }

    /// <summary>Copies a row's consecutive tokens to or from a buffer, [tensor, head, token, size].</summary>
    /// <param name="row">The row.</param>
    /// <param name="start">The first token.</param>
    /// <param name="count">Tokens.</param>
    /// <param name="other">The buffer.</param>
    /// <param name="read">Whether to copy to the buffer.</param>
    /// <param name="window">
    /// Whether to copy the tensors of layers with a window, those tokens at least that they keep, or the others.
    /// </param>
    /// <param name="length">Tokens that the row holds.</param>
    public void CopyTokens(
        int row, int start, int count, NativeBuffer other, bool read, bool window = false, int length = 0)
    {
        long offset = 0;
        for (var i = 0; i < _buffers.Length; i++)
        {
            var tensor = graph.Cache[i];
            if (tensor.Window is not null != window)
            {
                continue;
            }

            var first = tensor.FirstOf(length);
            var skipped = Math.Clamp(first - start, 0, count);
            var copied = count - skipped;
            var tokenBytes = tensor.Size * tensor.ElementBytes;
            for (var head = 0; head < tensor.Heads; head++)
            {
                var rowStart = (((long)row * tensor.Heads) + head) * tensor.LengthFor(Capacity);
                var at = (rowStart + start + skipped - first) * tokenBytes;
                var mine = _buffers[i]!.AsSpan<byte>(at, copied * tokenBytes);
                var theirs = other.AsSpan<byte>(offset + (skipped * tokenBytes), copied * tokenBytes);
                offset += count * tokenBytes;
                if (read)
                {
                    mine.CopyTo(theirs);
                }
                else
                {
                    theirs.CopyTo(mine);
                }
            }
        }
    }

    /// <summary>
    /// Copies the first tokens of rows to a tensor [rows, heads, length, size]; the caller disposes it.
    /// </summary>
    public OrtValue Pack(int tensor, ReadOnlySpan<int> rows, int length)
    {
        var description = graph.Cache[tensor];
        var value = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, description.Type, [rows.Length, description.Heads, length, description.Size]);
        if (length > 0)
        {
            CopyPart(tensor, rows, 0, length, value.GetTensorMutableRawData(), 0, length, pack: true);
        }

        return value;
    }

    /// <summary>Copies consecutive tokens of rows from a tensor [rows, heads, start + count, size].</summary>
    public void Unpack(int tensor, ReadOnlySpan<int> rows, int start, int count, OrtValue value)
        => CopyPart(tensor, rows, start, count, value.GetTensorMutableRawData(), start, start + count, pack: false);

    /// <summary>Wraps consecutive rows of a tensor without copying; the caller disposes the value.</summary>
    public OrtValue View(int tensor, int firstRow, int rows)
    {
        Debug.Assert(firstRow + rows <= Rows, "The rows lie inside the buffer.");
        var description = graph.Cache[tensor];
        var length = description.LengthFor(Capacity);
        var rowBytes = description.TokenBytes * length;
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance,
            description.Type,
            [rows, description.Heads, length, description.Size],
            _buffers[tensor]!.Address + (nint)(rowBytes * firstRow),
            rowBytes * rows);
    }

    public void Dispose()
    {
        for (var i = 0; i < _buffers.Length; i++)
        {
            _buffers[i]?.Dispose();
            _buffers[i] = null;
        }

        (Rows, Capacity) = (0, 0);
    }

    private void CopyPart(
        int tensor, ReadOnlySpan<int> rows, int start, int count, Span<byte> packed, int packedStart, int packedLength,
        bool pack)
    {
        var description = graph.Cache[tensor];
        var tokenBytes = description.Size * description.ElementBytes;
        for (var index = 0; index < rows.Length; index++)
        {
            for (var head = 0; head < description.Heads; head++)
            {
                var at = (((((long)rows[index] * description.Heads) + head) * Capacity) + start) * tokenBytes;
                var mine = _buffers[tensor]!.AsSpan<byte>(at, count * tokenBytes);
                var theirs = packed.Slice(
                    ((((index * description.Heads) + head) * packedLength) + packedStart) * tokenBytes,
                    count * tokenBytes);
                if (pack)
                {
                    mine.CopyTo(theirs);
                }
                else
                {
                    theirs.CopyTo(mine);
                }
            }
        }
    }

    private void ResizeAll(int rows, int capacity, ReadOnlySpan<int> lengths)
    {
        for (var i = 0; i < _buffers.Length; i++)
        {
            var tensor = graph.Cache[i];
            var old = _buffers[i];
            var length = tensor.LengthFor(capacity);

            // Large pages would be cleared for all rows at once as the first tokens come, while others wait to decode.
            var grown = new NativeBuffer(tensor.TokenBytes * rows * length, isSparse: true);
            if (old is not null)
            {
                for (var row = 0; row < Math.Min(Math.Min(rows, Rows), lengths.Length); row++)
                {
                    CopyRow(tensor, old, row, Capacity, grown, row, capacity, lengths[row]);
                }

                old.Dispose();
            }

            _buffers[i] = grown;
        }

        (Rows, Capacity) = (rows, capacity);
    }

    private static void CopyRow(
        CacheTensor tensor,
        NativeBuffer source,
        int sourceRow,
        int sourceCapacity,
        NativeBuffer target,
        int targetRow,
        int targetCapacity,
        int length)
    {
        var tokenBytes = tensor.Size * tensor.ElementBytes;
        var kept = (Math.Min(length, Math.Min(sourceCapacity, targetCapacity)) - tensor.FirstOf(length)) * tokenBytes;
        (sourceCapacity, targetCapacity) = (tensor.LengthFor(sourceCapacity), tensor.LengthFor(targetCapacity));
        for (var head = 0; head < tensor.Heads; head++)
        {
            var from = ((long)(sourceRow * tensor.Heads) + head) * sourceCapacity * tokenBytes;
            var to = ((long)(targetRow * tensor.Heads) + head) * targetCapacity * tokenBytes;
            source.AsSpan<byte>(from, kept).CopyTo(target.AsSpan<byte>(to, kept));
        }
    }
}
