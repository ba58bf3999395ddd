using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Execution;

namespace Slipway.Engine.Cache;

/// <summary>
/// Holds keys and values of all sequences: for each tensor one buffer [slots, heads, capacity, size].
/// </summary>
/// <remarks>
/// The first <c>n</c> slots are one batch without copying, and so is a single slot. Memory that no token has reached
/// is reserved but not resident: a layer with a window always has buffers of its own capacity, and of slots that are
/// shorter only their part counts. Not safe for concurrent use.
/// </remarks>
internal sealed class KeyValueCache(DecoderGraph graph, TensorMemory memory) : IDisposable
{
    private readonly TensorBuffer?[] _buffers = new TensorBuffer?[graph.Cache.Count];

    public int Slots { get; private set; }

    /// <summary>Tokens that each slot has room for.</summary>
    public int Capacity { get; private set; }

    public long Bytes => BytesFor(Slots, Capacity);

    public long BytesFor(int slots, int capacity)
        => checked((graph.Size.BytesFor(capacity) - graph.Size.StateBytes) * slots);

    /// <summary>Gives the buffers another size and keeps each slot's first tokens.</summary>
    /// <param name="slots">Slots to have.</param>
    /// <param name="capacity">Tokens that each slot is to have room for.</param>
    /// <param name="lengths">For each present slot, how many tokens to keep.</param>
    /// <exception cref="OutOfMemoryException">There is no memory; nothing is kept then.</exception>
    public void Resize(int slots, int capacity, ReadOnlySpan<int> lengths)
    {
        try
        {
            ResizeAll(slots, capacity, lengths);
        }
        catch
        {
            // Some tensors have the old size and some the new one: none can be used.
            Dispose();
            throw;
        }
    }

    public void CopySlot(int from, int to, int length)
    {
        for (var i = 0; i < _buffers.Length; i++)
        {
            CopySlot(graph.Cache[i], _buffers[i]!, from, Capacity, _buffers[i]!, to, Capacity, length);
        }
    }

    /// <summary>Copies a slot's consecutive tokens to or from a buffer, [tensor, head, token, size].</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="start">The first token.</param>
    /// <param name="count">Tokens.</param>
    /// <param name="other">The buffer.</param>
    /// <param name="read">Whether to copy to the buffer.</param>
    /// <param name="window">
    /// Whether to copy the tensors of layers with a window, those tokens at least that they keep, or the others.
    /// </param>
    /// <param name="length">Tokens that the slot holds.</param>
    public void CopyTokens(
        int slot, int start, int count, NativeBuffer other, bool read, bool window = false, int length = 0)
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
                var slotStart = (((long)slot * tensor.Heads) + head) * tensor.LengthFor(Capacity);
                var at = (slotStart + start + skipped - first) * tokenBytes;
                var theirs = other.AsSpan<byte>(offset + (skipped * tokenBytes), copied * tokenBytes);
                offset += count * tokenBytes;
                if (read)
                {
                    _buffers[i]!.Read(at, theirs);
                }
                else
                {
                    _buffers[i]!.Write(at, theirs);
                }
            }
        }
    }

    /// <summary>
    /// Copies the first tokens of slots to a tensor [slots, heads, length, size]; the caller disposes it.
    /// </summary>
    public OrtValue Pack(int tensor, ReadOnlySpan<int> slots, int length)
    {
        var description = graph.Cache[tensor];
        var value = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, description.Type,
            [slots.Length, description.Heads, length, description.Size]);
        if (length > 0)
        {
            CopyPart(tensor, slots, 0, length, value.GetTensorMutableRawData(), 0, length, pack: true);
        }

        return value;
    }

    /// <summary>Copies consecutive tokens of slots from a tensor [slots, heads, start + count, size].</summary>
    public void Unpack(int tensor, ReadOnlySpan<int> slots, int start, int count, OrtValue value)
        => CopyPart(tensor, slots, start, count, value.GetTensorMutableRawData(), start, start + count, pack: false);

    /// <summary>Wraps consecutive slots of a tensor without copying; the caller disposes the value.</summary>
    public OrtValue View(int tensor, int firstSlot, int slots)
    {
        Debug.Assert(firstSlot + slots <= Slots, "The slots lie inside the buffer.");
        var description = graph.Cache[tensor];
        var length = description.LengthFor(Capacity);
        var slotBytes = description.TokenBytes * length;
        return _buffers[tensor]!.View(
            description.Type, [slots, description.Heads, length, description.Size], slotBytes * firstSlot,
            slotBytes * slots);
    }

    public void Dispose()
    {
        for (var i = 0; i < _buffers.Length; i++)
        {
            _buffers[i]?.Dispose();
            _buffers[i] = null;
        }

        (Slots, Capacity) = (0, 0);
    }

    private void CopyPart(
        int tensor, ReadOnlySpan<int> slots, int start, int count, Span<byte> packed, int packedStart, int packedLength,
        bool pack)
    {
        var description = graph.Cache[tensor];
        var tokenBytes = description.Size * description.ElementBytes;
        for (var index = 0; index < slots.Length; index++)
        {
            for (var head = 0; head < description.Heads; head++)
            {
                var at = (((((long)slots[index] * description.Heads) + head) * Capacity) + start) * tokenBytes;
                var theirs = packed.Slice(
                    ((((index * description.Heads) + head) * packedLength) + packedStart) * tokenBytes,
                    count * tokenBytes);
                if (pack)
                {
                    _buffers[tensor]!.Read(at, theirs);
                }
                else
                {
                    _buffers[tensor]!.Write(at, theirs);
                }
            }
        }
    }

    private void ResizeAll(int slots, int capacity, ReadOnlySpan<int> lengths)
    {
        for (var i = 0; i < _buffers.Length; i++)
        {
            var tensor = graph.Cache[i];
            var old = _buffers[i];
            var length = tensor.LengthFor(capacity);

            // Large pages would be cleared for all slots at once as the first tokens come, while others wait to decode.
            var grown = memory.Allocate(tensor.TokenBytes * slots * length, isSparse: true);
            if (old is not null)
            {
                for (var slot = 0; slot < Math.Min(Math.Min(slots, Slots), lengths.Length); slot++)
                {
                    CopySlot(tensor, old, slot, Capacity, grown, slot, capacity, lengths[slot]);
                }

                old.Dispose();
            }

            _buffers[i] = grown;
        }

        (Slots, Capacity) = (slots, capacity);
    }

    private static void CopySlot(
        CacheTensor tensor,
        TensorBuffer source,
        int sourceSlot,
        int sourceCapacity,
        TensorBuffer target,
        int targetSlot,
        int targetCapacity,
        int length)
    {
        var tokenBytes = tensor.Size * tensor.ElementBytes;
        var kept = (Math.Min(length, Math.Min(sourceCapacity, targetCapacity)) - tensor.FirstOf(length)) * tokenBytes;
        (sourceCapacity, targetCapacity) = (tensor.LengthFor(sourceCapacity), tensor.LengthFor(targetCapacity));
        for (var head = 0; head < tensor.Heads; head++)
        {
            var from = ((long)(sourceSlot * tensor.Heads) + head) * sourceCapacity * tokenBytes;
            var to = ((long)(targetSlot * tensor.Heads) + head) * targetCapacity * tokenBytes;
            source.CopyTo(from, target, to, kept);
        }
    }
}
