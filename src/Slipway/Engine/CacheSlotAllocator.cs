namespace Slipway.Engine;

/// <summary>Gives sequences rows of the key-value cache, within the budget.</summary>
/// <remarks>Belongs to the engine's thread.</remarks>
/// <param name="decoder">Holds the rows.</param>
/// <param name="prefixes">Gives way to the rows.</param>
/// <param name="budget">Bytes and context.</param>
/// <param name="maxRows">The most rows.</param>
internal sealed class CacheSlotAllocator(IDecoder decoder, PrefixCache prefixes, KeyValueBudget budget, int maxRows)
{
    private const int CapacityStep = 64;
    private Sequence?[] _rows = [];

    public int Count { get; private set; }

    /// <summary>The sequences that have a row.</summary>
    public IEnumerable<Sequence> Active => _rows.OfType<Sequence>();

    public Sequence? this[int row] => _rows[row];

    /// <summary>One more than the last row in use.</summary>
    public int End
    {
        get
        {
            var end = _rows.Length;
            while (end > 0 && _rows[end - 1] is null)
            {
                end--;
            }

            return end;
        }
    }

    /// <summary>Gives a sequence a row with room for its reservation; false where the budget has no room now.</summary>
    public bool TryAdd(Sequence sequence)
    {
        if (Count == maxRows || !TryMakeRoom(Count + 1, sequence.Reservation))
        {
            return false;
        }

        sequence.Slot = Array.IndexOf(_rows, null);
        _rows[sequence.Slot] = sequence;
        Count++;
        return true;
    }

    public void Remove(Sequence sequence)
    {
        _rows[sequence.Slot] = null;
        sequence.Slot = -1;
        Count--;
    }

    /// <summary>Makes room for one more token in a row that is full; false where the budget has none.</summary>
    public bool TryGrow(Sequence sequence)
        => sequence.ComputedTokens + sequence.UncomputedTokens <= decoder.Capacity
            || TryMakeRoom(Count, Math.Min(2 * decoder.Capacity, budget.ContextLength))
            || TryMakeRoom(Count, sequence.ComputedTokens + sequence.UncomputedTokens);

    /// <summary>Gives all memory back; for when no sequence has a row.</summary>
    public void Release()
    {
        decoder.Resize(0, 0, []);
        _rows = [];
        prefixes.Limit = budget.PrefixBytes(0);
    }

    /// <summary>Moves the last rows into gaps, so that a batch has none.</summary>
    public void Compact()
    {
        for (var end = End; Count < end; end = End)
        {
            var sequence = _rows[end - 1]!;
            var gap = Array.IndexOf(_rows, null);
            decoder.CopyRow(sequence.Slot, gap, sequence.ComputedTokens);
            _rows[sequence.Slot] = null;
            _rows[gap] = sequence;
            sequence.Slot = gap;
        }
    }

    private bool TryMakeRoom(int wantedRows, int wantedCapacity)
    {
        if (wantedRows <= decoder.Rows && wantedCapacity <= decoder.Capacity)
        {
            return true;
        }

        // Rows that are there already cost nothing; those in use say how long all of them must be.
        var needed = Active.Select(
            active => Math.Max(active.Reservation, active.ComputedTokens + active.UncomputedTokens))
            .Append(wantedCapacity)
            .Max();
        var tight = Math.Min(RoundUp(needed), budget.ContextLength);
        var roomy = Math.Max(tight, decoder.Capacity);
        var doubled = Math.Min(Math.Max(wantedRows, Math.Min(2 * decoder.Rows, 2 * wantedRows)), maxRows);
        (int Rows, int Capacity)[] plans =
        [
            (Math.Max(wantedRows, decoder.Rows), roomy),
            (wantedRows, roomy),
            (wantedRows, tight),
        ];
        if (wantedRows > decoder.Rows)
        {
            plans[0] = (doubled, roomy);
        }

        foreach (var (planRows, capacity) in plans)
        {
            if (decoder.BytesFor(planRows, capacity) <= budget.Bytes)
            {
                Resize(planRows, capacity);
                return true;
            }
        }

        return false;
    }

    private void Resize(int count, int capacity)
    {
        if (count < End)
        {
            Compact();
        }

        var lengths = new int[Math.Min(_rows.Length, count)];
        for (var row = 0; row < lengths.Length; row++)
        {
            lengths[row] = _rows[row]?.ComputedTokens ?? 0;
        }

        // Before the rows grow, so that both together stay within the budget.
        prefixes.Limit = budget.PrefixBytes(decoder.BytesFor(count, capacity));
        decoder.Resize(count, capacity, lengths);
        Array.Resize(ref _rows, count);
    }

    private static int RoundUp(int tokens) => (tokens + CapacityStep - 1) / CapacityStep * CapacityStep;
}
