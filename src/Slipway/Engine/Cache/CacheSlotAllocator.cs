using Slipway.Engine.Execution;
using Slipway.Engine.Scheduling;

namespace Slipway.Engine.Cache;

/// <summary>Gives sequences slots of the key-value cache, within the budget.</summary>
/// <remarks>Belongs to the engine's thread.</remarks>
/// <param name="decoder">Holds the slots.</param>
/// <param name="prefixes">Holds what the slots leave of the budget.</param>
/// <param name="budget">Bytes and context.</param>
/// <param name="maxSlots">The maximum of slots.</param>
internal sealed class CacheSlotAllocator(IDecoder decoder, PrefixCache prefixes, KeyValueBudget budget, int maxSlots)
{
    private const int CapacityStep = 64;
    private Sequence?[] _slots = [];

    public int Count { get; private set; }

    /// <summary>The sequences that have a slot.</summary>
    public IEnumerable<Sequence> Active => _slots.OfType<Sequence>();

    public Sequence? this[int slot] => _slots[slot];

    /// <summary>The end of the slots in use.</summary>
    public int End
    {
        get
        {
            var end = _slots.Length;
            while (end > 0 && _slots[end - 1] is null)
            {
                end--;
            }

            return end;
        }
    }

    /// <summary>
    /// Gives a sequence a slot with room for its reservation; false where the budget has no room now.
    /// </summary>
    public bool TryAdd(Sequence sequence)
    {
        if (Count == maxSlots || !TryMakeRoom(Count + 1, sequence.Reservation))
        {
            return false;
        }

        sequence.Slot = Array.IndexOf(_slots, null);
        _slots[sequence.Slot] = sequence;
        Count++;
        return true;
    }

    /// <summary>
    /// Tells whether a sequence would not fit alone, whatever else ends: weights and adapters are too large.
    /// </summary>
    public bool NeverFits(Sequence sequence)
        => decoder.BytesFor(1, Math.Max(sequence.Reservation, sequence.Tokens.Length)) > budget.Attainable;

    public void Remove(Sequence sequence)
    {
        _slots[sequence.Slot] = null;
        sequence.Slot = -1;
        Count--;
    }

    /// <summary>Makes room for one more token in a slot that is full; false where the budget has none.</summary>
    public bool TryGrow(Sequence sequence)
        => sequence.Tokens.Length <= decoder.Capacity
            || TryMakeRoom(Count, Math.Min(2 * decoder.Capacity, budget.ContextLength))
            || TryMakeRoom(Count, sequence.Tokens.Length);

    /// <summary>Gives all memory of slots back; for when no sequence has one.</summary>
    public void Release()
    {
        decoder.Resize(0, 0, []);
        _slots = [];
        budget.TryHoldSlots(0);
        prefixes.Limit = budget.PrefixBytes(0);
    }

    /// <summary>Gives other models what they asked for: known prefixes, and slots where no sequence has one.</summary>
    /// <returns>Whether they had asked.</returns>
    public bool GiveBack()
    {
        if (budget.Asked is not { IsCompleted: true })
        {
            return false;
        }

        if (Count == 0)
        {
            Release();
        }

        prefixes.Clear();
        budget.Answer();
        return true;
    }

    /// <summary>Moves the last slots into gaps, so that a batch has none.</summary>
    public void Compact()
    {
        for (var end = End; Count < end; end = End)
        {
            var sequence = _slots[end - 1]!;
            var gap = Array.IndexOf(_slots, null);
            decoder.CopySlot(sequence.Slot, gap, sequence.ComputedTokens);
            _slots[sequence.Slot] = null;
            _slots[gap] = sequence;
            sequence.Slot = gap;
        }
    }

    private bool TryMakeRoom(int wantedSlots, int wantedCapacity)
    {
        if (wantedSlots <= decoder.Slots && wantedCapacity <= decoder.Capacity)
        {
            return true;
        }

        // Slots that exist cost nothing more; those in use say how long all of them must be.
        var needed = Active.Select(active => Math.Max(active.Reservation, active.Tokens.Length))
            .Append(wantedCapacity)
            .Max();
        var tight = Math.Min(RoundUp(needed), budget.ContextLength);
        var roomy = Math.Max(tight, decoder.Capacity);
        var doubled = Math.Min(Math.Max(wantedSlots, Math.Min(2 * decoder.Slots, 2 * wantedSlots)), maxSlots);
        (int Slots, int Capacity)[] plans =
        [
            (Math.Max(wantedSlots, decoder.Slots), roomy),
            (wantedSlots, roomy),
            (wantedSlots, tight),
        ];
        if (wantedSlots > decoder.Slots)
        {
            plans[0] = (doubled, roomy);
        }

        foreach (var (planSlots, capacity) in plans)
        {
            var bytes = decoder.BytesFor(planSlots, capacity);
            if (bytes <= budget.Room)
            {
                // Prefixes shrink before the slots grow, so that both together stay within the budget.
                prefixes.Limit = budget.PrefixBytes(bytes);
                if (budget.TryHoldSlots(bytes))
                {
                    Resize(planSlots, capacity);
                    return true;
                }
            }
        }

        budget.AskOthers();
        return false;
    }

    private void Resize(int count, int capacity)
    {
        if (count < End)
        {
            Compact();
        }

        var lengths = new int[Math.Min(_slots.Length, count)];
        for (var slot = 0; slot < lengths.Length; slot++)
        {
            lengths[slot] = _slots[slot]?.ComputedTokens ?? 0;
        }

        decoder.Resize(count, capacity, lengths);
        Array.Resize(ref _slots, count);
    }

    private static int RoundUp(int tokens) => (tokens + CapacityStep - 1) / CapacityStep * CapacityStep;
}
