namespace Slipway.Tests.Engine;

/// <summary>A clock whose timers go off when told to. Thread-safe.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Action> _due = [];

    public void Fire()
    {
        Action[] actions;
        lock (_gate)
        {
            actions = [.. _due];
            _due.Clear();
        }

        Array.ForEach(actions, action => action());
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        lock (_gate)
        {
            _due.Add(() => callback(state));
        }

        return new Timer();
    }

    private sealed class Timer : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => default;
    }
}
