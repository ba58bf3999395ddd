using Slipway.Engine.Execution;

namespace Slipway.Engine.Cache;

/// <summary>
/// Holds what sequences carry from step to step: keys and values, windows of them, and recurrent states.
/// </summary>
/// <remarks>
/// One slot for each sequence. Layers with a window evict tokens, so a slot's length must be known before each run, and
/// is unknown after a run that was ended early. Not safe for concurrent use.
/// </remarks>
internal sealed class SlotCache(DecoderGraph graph, TensorMemory memory) : IDisposable
{
    private const int Unknown = -1;

    private int[] _lengths = [];

    public KeyValueCache KeyValues { get; } = new(graph, memory);

    public RecurrentStates States { get; } = new(graph.States, memory);

    public int Slots => KeyValues.Slots;

    public int Capacity => KeyValues.Capacity;

    public long BytesFor(int slots, int capacity) => KeyValues.BytesFor(slots, capacity) + States.BytesFor(slots);

    /// <summary>Gives all tensors another size and keeps each slot's first tokens.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory; nothing is kept then.</exception>
    public void Resize(int slots, int capacity, ReadOnlySpan<int> lengths)
    {
        try
        {
            States.Resize(slots, Math.Min(Slots, lengths.Length));
            KeyValues.Resize(slots, capacity, lengths);
            var resized = new int[slots];
            for (var slot = 0; slot < Math.Min(Math.Min(slots, _lengths.Length), lengths.Length); slot++)
            {
                resized[slot] = _lengths[slot] == Unknown ? Unknown : lengths[slot];
            }

            _lengths = resized;
        }
        catch
        {
            // Slots of the one are of no use without those of the other.
            Dispose();
            throw;
        }
    }

    public void CopySlot(int from, int to, int length)
    {
        KeyValues.CopySlot(from, to, length);
        States.CopySlot(from, to);
        _lengths[to] = length;
    }

    /// <summary>The first token that layers with a window hold in a slot; beyond all where that is unknown.</summary>
    public int FirstHeld(int slot)
        => graph.Window is null ? 0 : _lengths[slot] == Unknown ? int.MaxValue : WindowStart(_lengths[slot]);

    /// <summary>The first token that layers with a window hold in a slot of a length.</summary>
    public int WindowStart(int length) => graph.Window?.EvictedTokens(length) ?? 0;

    public void ReadWindow(int slot, int start, int count, NativeBuffer destination)
        => KeyValues.CopyTokens(slot, start, count, destination, read: true, window: true, _lengths[slot]);

    public void WriteWindow(int slot, int length, int start, int count, NativeBuffer source)
    {
        _lengths[slot] = length;
        KeyValues.CopyTokens(slot, start, count, source, read: false, window: true, length);
    }

    /// <summary>Begins a run that goes on from a length.</summary>
    /// <exception cref="InvalidOperationException">Layers with a window no longer hold what the run would
    /// read.</exception>
    public void BeginRun(int slot, int length)
    {
        if (length == 0)
        {
            States.Clear(slot);
        }
        else if (graph.Window is not null && FirstHeld(slot) != WindowStart(length))
        {
            throw new InvalidOperationException(
                $"Slot '{slot}' cannot go on from '{length}' tokens: its layers with a window hold those from "
                + $"'{FirstHeld(slot)}' on and would have to hold those from '{WindowStart(length)}' on.");
        }

        // A run that ends early may have evicted tokens in some layers and not in others.
        _lengths[slot] = Unknown;
    }

    /// <summary>Takes over what a run wrote that came to its end.</summary>
    public void EndRun(int slot, int length)
    {
        _lengths[slot] = length;
        States.Commit(slot);
    }

    public void Dispose()
    {
        KeyValues.Dispose();
        States.Dispose();
    }
}
