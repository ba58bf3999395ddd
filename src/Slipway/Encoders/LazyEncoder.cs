namespace Slipway.Encoders;

/// <summary>Loads a model when it is first asked for, once. Safe for concurrent use.</summary>
/// <param name="owner">The public object, for <see cref="ObjectDisposedException"/>.</param>
/// <param name="load">Loads the model.</param>
internal sealed class LazyEncoder<T>(object owner, Func<T> load) : IDisposable
    where T : class, IDisposable
{
    private readonly Lock _gate = new();
    private T? _model;
    private bool _disposed;

    /// <summary>The model, loaded on this thread where it is not yet.</summary>
    public T Value
    {
        get
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, owner);
                return _model ??= load();
            }
        }
    }

    /// <summary>The model, loaded on a thread of the pool where it is not yet.</summary>
    public Task<T> GetAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.Run(() => Value, cancellationToken);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _model?.Dispose();
            _model = null;
        }
    }
}
