namespace Slipway.Engine.Scheduling;

/// <summary>Counts requests in flight and closes when the model is drained. Thread-safe.</summary>
internal sealed class RequestGate
{
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private int _inside;
    private bool _closed;

    /// <summary>Lets a request in; dispose the result when it has ended.</summary>
    /// <exception cref="InvalidOperationException">The gate is closed.</exception>
    public IDisposable Enter()
    {
        lock (_gate)
        {
            if (_closed)
            {
                throw new InvalidOperationException(
                    "The model is being drained and takes no new requests. Send them to another one, or load it "
                    + "again.");
            }

            _inside++;
            return new Visit(this);
        }
    }

    /// <summary>Lets nothing in any more and waits until everything has left.</summary>
    public Task CloseAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _closed = true;
            CompleteWhenEmpty();
        }

        return _empty.Task.WaitAsync(cancellationToken);
    }

    private void CompleteWhenEmpty()
    {
        if (_closed && _inside == 0)
        {
            _empty.TrySetResult();
        }
    }

    private void Leave()
    {
        lock (_gate)
        {
            _inside--;
            CompleteWhenEmpty();
        }
    }

    private sealed class Visit(RequestGate owner) : IDisposable
    {
        private RequestGate? _owner = owner;

        public void Dispose() => Interlocked.Exchange(ref _owner, null)?.Leave();
    }
}
