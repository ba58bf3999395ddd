namespace Slipway.Chat;

/// <summary>Loads a model when it is first needed, unloads it when it was long unused, and disposes it.</summary>
/// <remarks>Safe for concurrent use. A load that fails is tried again by the next request.</remarks>
internal sealed class LazyModel : IDisposable, IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Func<IChatModel>? _load;
    private readonly Action? _unloaded;
    private readonly TimeSpan? _idleTimeout;
    private readonly TimeProvider _time = TimeProvider.System;
    private Task<IChatModel>? _model;
    private Task _closing = Task.CompletedTask;
    private ITimer? _idle;
    private long _uses;
    private int _users;
    private bool _disposed;

    /// <summary>Uses a model that somebody else disposes.</summary>
    public LazyModel(IChatModel model) => _model = Task.FromResult(model);

    /// <summary>Loads a model on a thread of the pool when it is first needed.</summary>
    /// <param name="load">Loads it.</param>
    /// <param name="idleTimeout">The time without a user after which it is unloaded; null for never.</param>
    /// <param name="time">Tells the time; null for the system's.</param>
    /// <param name="unloaded">Called when it was unloaded for want of users.</param>
    public LazyModel(
        Func<IChatModel> load, TimeSpan? idleTimeout = null, TimeProvider? time = null, Action? unloaded = null)
    {
        (_load, _idleTimeout, _unloaded) = (load, idleTimeout, unloaded);
        _time = time ?? _time;
    }

    /// <summary>The load that is under way or has ended; null where there was none, or it was unloaded.</summary>
    public Task<IChatModel>? Current
    {
        get
        {
            lock (_lock)
            {
                return _model;
            }
        }
    }

    /// <summary>Tells whether the source is disposed.</summary>
    public bool IsDisposed
    {
        get
        {
            lock (_lock)
            {
                return _disposed;
            }
        }
    }

    /// <summary>The model, loaded where it is not yet; it stays at least until the use is disposed.</summary>
    public async Task<ModelUse> UseAsync(CancellationToken cancellationToken)
    {
        Task<IChatModel> model;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(OnnxChatClient));
            if (_model is null or { IsFaulted: true })
            {
                var closing = _closing;
                _model = Task.Run(
                    async () =>
                    {
                        await closing.ConfigureAwait(false);
                        return _load!();
                    },
                    CancellationToken.None);
            }

            (model, _idle) = (_model, StopTimer());
            _users++;
            _uses++;
        }

        try
        {
            return new(await model.WaitAsync(cancellationToken).ConfigureAwait(false), this);
        }
        catch
        {
            Leave();
            throw;
        }
    }

    /// <summary>Disposes the model where this source loaded it.</summary>
    /// <remarks>A load that is still under way ends by itself; its model is then disposed at once.</remarks>
    public void Dispose() => _ = Close();

    /// <summary>Disposes the model where this source loaded it, a load under way included.</summary>
    public ValueTask DisposeAsync() => new(Close());

    internal void Leave()
    {
        lock (_lock)
        {
            if (--_users > 0 || _idleTimeout is not { } idle || _load is null || _disposed)
            {
                return;
            }

            var uses = _uses;
            _idle = _time.CreateTimer(_ => Unload(uses), null, idle, Timeout.InfiniteTimeSpan);
        }
    }

    // A timer that went off beside a new use comes too late.
    private void Unload(long uses)
    {
        lock (_lock)
        {
            if (_users > 0 || _uses != uses || _disposed || _model is null)
            {
                return;
            }

            (_closing, _model, _idle) = (
                Task.WhenAll(_closing, DisposeLoaded(_model, TaskContinuationOptions.None)), null, StopTimer());
        }

        _unloaded?.Invoke();
    }

    private ITimer? StopTimer()
    {
        _idle?.Dispose();
        return null;
    }

    private Task Close()
    {
        Task<IChatModel>? model;
        Task closing;
        lock (_lock)
        {
            (model, closing) = (_disposed || _load is null ? null : _model, _closing);
            (_disposed, _idle) = (true, StopTimer());
        }

        return model is null
            ? closing
            : Task.WhenAll(closing, DisposeLoaded(model, TaskContinuationOptions.ExecuteSynchronously));
    }

    private static Task DisposeLoaded(Task<IChatModel> model, TaskContinuationOptions options)
        => model.ContinueWith(
            static loaded =>
            {
                if (loaded.IsCompletedSuccessfully)
                {
                    loaded.Result.Dispose();
                }
            },
            CancellationToken.None, options, TaskScheduler.Default);
}

/// <summary>Holds a model that is in use, so that it is not unloaded.</summary>
/// <param name="model">The model.</param>
/// <param name="source">Where it came from.</param>
internal sealed class ModelUse(IChatModel model, LazyModel source) : IDisposable
{
    private LazyModel? _source = source;

    /// <summary>The model.</summary>
    public IChatModel Model => model;

    /// <summary>Ends the use.</summary>
    public void Dispose() => Interlocked.Exchange(ref _source, null)?.Leave();
}
