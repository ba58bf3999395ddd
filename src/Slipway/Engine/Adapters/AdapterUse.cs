namespace Slipway.Engine.Adapters;

/// <summary>An adapter's id, and how many requests use it. Guarded by the gate of its set.</summary>
internal sealed class AdapterEntry(int id)
{
    private readonly TaskCompletionSource _unused = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _uses;
    private bool _isRetired;

    public int Id => id;

    public void Enter() => _uses++;

    public void Leave()
    {
        _uses--;
        Complete();
    }

    /// <summary>Ends with the last use.</summary>
    public Task Retire()
    {
        _isRetired = true;
        Complete();
        return _unused.Task;
    }

    private void Complete()
    {
        if (_isRetired && _uses == 0)
        {
            _unused.TrySetResult();
        }
    }
}

/// <summary>Holds an adapter while a request uses it.</summary>
internal sealed class AdapterUse : IDisposable
{
    private readonly Lock _gate;
    private AdapterEntry? _entry;

    /// <summary>Holds it; the caller has entered the gate.</summary>
    public AdapterUse(Lock gate, AdapterEntry entry)
    {
        (_gate, _entry, Id) = (gate, entry, entry.Id);
        entry.Enter();
    }

    /// <summary>The adapter's id.</summary>
    public int Id { get; }

    public void Dispose()
    {
        lock (_gate)
        {
            _entry?.Leave();
            _entry = null;
        }
    }
}
