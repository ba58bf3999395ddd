using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine.Cache;

/// <summary>Holds the states of all sequences that do not grow: for each tensor two buffers [slots, …].</summary>
/// <remarks>
/// A run reads the one and writes the other, and only slots that it was meant for are taken over: a slot that merely
/// ran along, or whose run was ended, keeps what it had. Not safe for concurrent use.
/// </remarks>
internal sealed class RecurrentStates(IReadOnlyList<StateTensor> tensors, TensorMemory memory) : IDisposable
{
    private readonly TensorBuffer?[] _pasts = new TensorBuffer?[tensors.Count];
    private readonly TensorBuffer?[] _presents = new TensorBuffer?[tensors.Count];

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
                var grown = memory.Allocate(bytes * slots);
                for (var slot = 0; slot < Math.Min(slots, kept) && _pasts[i] is { } old; slot++)
                {
                    old.CopyTo(bytes * slot, grown, bytes * slot, (int)bytes);
                }

                _pasts[i]?.Dispose();
                _pasts[i] = grown;
                _presents[i]?.Dispose();
                _presents[i] = null;
                _presents[i] = memory.Allocate(bytes * slots);
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
            Copy(i, _pasts[i]!, from, to);
        }
    }

    /// <summary>Begins a sequence.</summary>
    public void Clear(int slot)
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            _pasts[i]!.Clear(tensors[i].SequenceBytes * slot, (int)tensors[i].SequenceBytes);
        }
    }

    /// <summary>Takes over what the last run wrote for a slot.</summary>
    public void Commit(int slot)
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            Copy(i, _presents[i]!, slot, slot);
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

    private void Copy(int tensor, TensorBuffer source, int from, int to)
    {
        var bytes = (int)tensors[tensor].SequenceBytes;
        source.CopyTo((long)bytes * from, _pasts[tensor]!, (long)bytes * to, bytes);
    }

    private OrtValue View(TensorBuffer buffer, int tensor, int firstSlot, int slots)
    {
        var bytes = tensors[tensor].SequenceBytes;
        return buffer.View(
            tensors[tensor].Type, [slots, .. tensors[tensor].Shape], bytes * firstSlot, bytes * slots);
    }
}
