namespace Slipway.Engine;

/// <summary>Counts requests in flight and closes when the model is drained. Thread-safe.</summary>
internal sealed class RequestGate
{
    private readonly TaskCompletionSource empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private int inside;
    private bool closed;

    /// <summary>Lets a request in; dispose the result when it has ended.</summary>
    /// <exception cref="InvalidOperationException">The gate is closed.</exception>
    public IDisposable Enter()
    {
        lock (gate)
        {
            if (closed)
            {
                throw new InvalidOperationException(
                    "The model is being drained and takes no new requests. Send them to another one, or load it again.");
            }

            inside++;
            return new Visit(this);
        }
    }

    /// <summary>Lets nothing in any more and waits until everything has left.</summary>
    public Task CloseAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            closed = true;
            CompleteWhenEmpty();
        }

        return empty.Task.WaitAsync(cancellationToken);
    }

    private void CompleteWhenEmpty()
    {
        if (closed && inside == 0)
        {
            empty.TrySetResult();
        }
    }

    private void Leave()
    {
        lock (gate)
        {
            inside--;
            CompleteWhenEmpty();
        }
    }

    private sealed class Visit(RequestGate owner) : IDisposable
    {
        private RequestGate? owner = owner;

        public void Dispose() => Interlocked.Exchange(ref owner, null)?.Leave();
    }
}
