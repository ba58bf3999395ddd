using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine.Cache;

/// <summary>Holds the states of all sequences that do not grow: for each tensor two buffers [slots, …].</summary>
/// <remarks>
/// A run reads the one and writes the other, and only slots that it was meant for are taken over: a slot that merely
/// ran along, or whose run was ended, keeps what it had. Not safe for concurrent use.
/// </remarks>
internal sealed class RecurrentStates(IReadOnlyList<StateTensor> tensors) : IDisposable
{
    private readonly NativeBuffer?[] _pasts = new NativeBuffer?[tensors.Count];
    private readonly NativeBuffer?[] _presents = new NativeBuffer?[tensors.Count];

    public long BytesFor(int slots) => 2 * slots * tensors.Sum(tensor => tensor.SequenceBytes);

    /// <summary>Makes room for another number of slots and keeps the first ones.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory; nothing is kept then.</exception>
    public void Resize(int slots, int kept)
    {
        try
        {
            for (var i = 0; i < tensors.Count; i++)
            {
                var bytes = tensors[i].SequenceBytes;
                var grown = new NativeBuffer(bytes * slots);
                for (var slot = 0; slot < Math.Min(slots, kept) && _pasts[i] is { } old; slot++)
                {
                    Slot(old, i, slot).CopyTo(Slot(grown, i, slot));
                }

                _pasts[i]?.Dispose();
                _pasts[i] = grown;
                _presents[i]?.Dispose();
                _presents[i] = null;
                _presents[i] = new NativeBuffer(bytes * slots);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void CopySlot(int from, int to)
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            Slot(_pasts[i]!, i, from).CopyTo(Slot(_pasts[i]!, i, to));
        }
    }

    /// <summary>Begins a sequence.</summary>
    public void Clear(int slot)
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            Slot(_pasts[i]!, i, slot).Clear();
        }
    }

    /// <summary>Takes over what the last run wrote for a slot.</summary>
    public void Commit(int slot)
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            Slot(_presents[i]!, i, slot).CopyTo(Slot(_pasts[i]!, i, slot));
        }
    }

    /// <summary>Wraps consecutive slots of a tensor as a run reads them; the caller disposes the value.</summary>
    public OrtValue Past(int tensor, int firstSlot, int slots) => View(_pasts[tensor]!, tensor, firstSlot, slots);

    /// <summary>Wraps consecutive slots of a tensor as a run writes them; the caller disposes the value.</summary>
    public OrtValue Present(int tensor, int firstSlot, int slots) => View(_presents[tensor]!, tensor, firstSlot, slots);

    public void Dispose()
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            _pasts[i]?.Dispose();
            _presents[i]?.Dispose();
            _pasts[i] = _presents[i] = null;
        }
    }

    private Span<byte> Slot(NativeBuffer buffer, int tensor, int slot)
        => buffer.AsSpan<byte>(slot * tensors[tensor].SequenceBytes, (int)tensors[tensor].SequenceBytes);

    private OrtValue View(NativeBuffer buffer, int tensor, int firstSlot, int slots)
    {
        var bytes = tensors[tensor].SequenceBytes;
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance,
            tensors[tensor].Type,
            [slots, .. tensors[tensor].Shape],
            buffer.Address + (nint)(bytes * firstSlot),
            bytes * slots);
    }
}
