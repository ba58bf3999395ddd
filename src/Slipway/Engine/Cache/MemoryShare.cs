namespace Slipway.Engine.Cache;

/// <summary>Holds one model's part of a budget that models share.</summary>
/// <remarks>Belongs to the model's engine, but for what the budget calls.</remarks>
/// <param name="budget">The budget.</param>
/// <param name="max">The most bytes of keys, values and adapters that the budget has room for.</param>
/// <param name="weightBytes">Bytes of the model's weights, where the budget includes them.</param>
internal sealed class MemoryShare(MemoryBudget budget, long max, long weightBytes) : IDisposable
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _asked = New();
    private long _slotBytes;
    private long _prefixBytes;
    private long _draftBytes;
    private long _adapterBytes;

    /// <summary>The most bytes of keys, values and adapters that the model may ever take.</summary>
    public long Max { get; private set; } = max;

    /// <summary>Bytes of the weights.</summary>
    public long WeightBytes => weightBytes;

    /// <summary>Bytes of the smaller model that drafts for it.</summary>
    public long DraftBytes => Volatile.Read(ref _draftBytes);

    /// <summary>Bytes of slots, of prefixes and of the smaller model.</summary>
    public long CacheBytes => Volatile.Read(ref _slotBytes) + Volatile.Read(ref _prefixBytes) + DraftBytes;

    /// <summary>Bytes of adapters that were added.</summary>
    public long AdapterBytes => Volatile.Read(ref _adapterBytes);

    /// <summary>Bytes that stay as long as the model does.</summary>
    public long FixedBytes => WeightBytes + AdapterBytes;

    /// <summary>All bytes.</summary>
    public long HeldBytes => CacheBytes + FixedBytes;

    /// <summary>Bytes of keys, values and adapters that the model may hold now.</summary>
    public long Room => budget.RoomOf(this);

    /// <summary>Bytes of keys, values and adapters that the model could hold if the others had no sequences.</summary>
    public long Attainable => budget.AttainableBy(this);

    /// <summary>Ends when others want what the model holds without need.</summary>
    public Task Asked
    {
        get
        {
            lock (_gate)
            {
                return _asked.Task;
            }
        }
    }

    /// <summary>Lets slots take other bytes than before; false where there is no room.</summary>
    public bool TryHoldSlots(long bytes) => budget.TryHold(this, bytes, _prefixBytes, _draftBytes, _adapterBytes);

    /// <summary>Lets prefixes take other bytes than before; false where there is no room.</summary>
    public bool TryHoldPrefixes(long bytes) => budget.TryHold(this, _slotBytes, bytes, _draftBytes, _adapterBytes);

    /// <summary>Lets the smaller model take other bytes than before; false where there is no room.</summary>
    public bool TryHoldDraft(long bytes) => budget.TryHold(this, _slotBytes, _prefixBytes, bytes, _adapterBytes);

    /// <summary>Lets added adapters take other bytes than before; false where there is no room.</summary>
    public bool TryHoldAdapters(long bytes) => budget.TryHold(this, _slotBytes, _prefixBytes, _draftBytes, bytes);

    /// <summary>Takes note that what others asked for was given back.</summary>
    public void Answer()
    {
        lock (_gate)
        {
            _asked = _asked.Task.IsCompleted ? New() : _asked;
        }
    }

    /// <summary>Asks the other models for what they hold without need.</summary>
    public void AskOthers() => budget.AskOthers(this);

    /// <summary>Lowers what the model may ever take.</summary>
    public void Limit(long max) => Max = max;

    public void Dispose() => budget.Leave(this);

    internal void Set(long slotBytes, long prefixBytes, long draftBytes, long adapterBytes)
    {
        Volatile.Write(ref _draftBytes, draftBytes);
        Volatile.Write(ref _slotBytes, slotBytes);
        Volatile.Write(ref _prefixBytes, prefixBytes);
        Volatile.Write(ref _adapterBytes, adapterBytes);
    }

    internal void Ask()
    {
        lock (_gate)
        {
            _asked.TrySetResult();
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
