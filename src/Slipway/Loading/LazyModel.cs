namespace Slipway.Loading;

/// <summary>Loads a model when it is first needed, unloads it when it was long unused, and disposes it.</summary>
/// <remarks>Safe for concurrent use. A load that fails is tried again by the next request.</remarks>
internal sealed class LazyModel<T> : IUnloadable, IDisposable, IAsyncDisposable
    where T : class, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Type? _owner;
    private readonly Func<T>? _load;
    private readonly Action? _unloaded;
    private readonly TimeSpan? _idleTimeout;
    private readonly MemoryBudget? _budget;
    private readonly TimeProvider _time = TimeProvider.System;
    private Task<T>? _model;
    private Task _closing = Task.CompletedTask;
    private ITimer? _idle;
    private long _uses;
    private int _users;
    private bool _disposed;

    /// <summary>Uses a model that somebody else disposes.</summary>
    public LazyModel(T model) => _model = Task.FromResult(model);

    /// <summary>Loads a model on a thread of the pool when it is first needed.</summary>
    /// <param name="owner">The public type, for <see cref="ObjectDisposedException"/>.</param>
    /// <param name="load">Loads it.</param>
    /// <param name="idleTimeout">The time without a user after which it is unloaded; null for never.</param>
    /// <param name="time">Tells the time; null for the system's.</param>
    /// <param name="unloaded">Called when it was unloaded for want of users.</param>
    /// <param name="budget">Unloads it where another model needs its memory; null for none.</param>
    public LazyModel(
        Type owner, Func<T> load, TimeSpan? idleTimeout = null, TimeProvider? time = null, Action? unloaded = null,
        MemoryBudget? budget = null)
    {
        (_owner, _load, _idleTimeout, _unloaded) = (owner, load, idleTimeout, unloaded);
        _time = time ?? _time;
        _budget = budget is { IncludesWeights: true } ? budget : null;
        _budget?.Add(this);
    }

    /// <summary>The load that is under way or has ended; null where there was none, or it was unloaded.</summary>
    public Task<T>? Current
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

    /// <inheritdoc/>
    public long LastUse { get; private set; }

    /// <summary>The model, loaded where it is not yet; it stays at least until the use is disposed.</summary>
    public async Task<ModelUse<T>> UseAsync(CancellationToken cancellationToken)
    {
        Task<T> model;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, _owner ?? typeof(T));
            if (_model is null or { IsFaulted: true })
            {
                var closing = _closing;
                _model = Task.Run(() => LoadAsync(closing), CancellationToken.None);
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

    /// <summary>The model, for callers that cannot wait otherwise.</summary>
    public ModelUse<T> Use() => UseAsync(CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public Task? TryUnload()
    {
        lock (_lock)
        {
            return _users > 0 || _disposed || _load is null || _model is not { IsCompletedSuccessfully: true }
                ? null : Unload(_model);
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
            LastUse = _time.GetTimestamp();
            if (--_users > 0 || _idleTimeout is not { } idle || _load is null || _disposed)
            {
                return;
            }

            var uses = _uses;
            _idle = _time.CreateTimer(_ => UnloadIdle(uses), null, idle, Timeout.InfiniteTimeSpan);
        }
    }

    private async Task<T> LoadAsync(Task closing)
    {
        await closing.ConfigureAwait(false);
        while (true)
        {
            try
            {
                return _load!();
            }
            catch (MemoryBudgetException) when (_budget is not null)
            {
                if (_budget.TryUnloadOther(this) is not { } unloading)
                {
                    throw;
                }

                await unloading.ConfigureAwait(false);
            }
        }
    }

    // A timer that went off beside a new use comes too late.
    private void UnloadIdle(long uses)
    {
        lock (_lock)
        {
            if (_users > 0 || _uses != uses || _disposed || _model is null)
            {
                return;
            }

            _ = Unload(_model);
        }

        _unloaded?.Invoke();
    }

    private Task Unload(Task<T> model)
    {
        (_closing, _model, _idle) = (
            Task.WhenAll(_closing, DisposeLoaded(model, TaskContinuationOptions.None)), null, StopTimer());
        return _closing;
    }

    private ITimer? StopTimer()
    {
        _idle?.Dispose();
        return null;
    }

    private Task Close()
    {
        Task<T>? model;
        Task closing;
        lock (_lock)
        {
            (model, closing) = (_disposed || _load is null ? null : _model, _closing);
            (_disposed, _idle) = (true, StopTimer());
        }

        _budget?.Remove(this);
        return model is null
            ? closing
            : Task.WhenAll(closing, DisposeLoaded(model, TaskContinuationOptions.ExecuteSynchronously));
    }

    private static Task DisposeLoaded(Task<T> model, TaskContinuationOptions options)
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

/// <summary>A model that may be unloaded where another one needs its memory.</summary>
internal interface IUnloadable
{
    /// <summary>The time of the last use, as a time stamp.</summary>
    long LastUse { get; }

    /// <summary>Unloads the model; the task ends when its memory is free.</summary>
    /// <returns>Null where it is in use or not loaded.</returns>
    Task? TryUnload();
}

/// <summary>Holds a model that is in use, so that it is not unloaded.</summary>
/// <param name="model">The model.</param>
/// <param name="source">Where it came from.</param>
internal sealed class ModelUse<T>(T model, LazyModel<T> source) : IDisposable
    where T : class, IDisposable
{
    private LazyModel<T>? _source = source;

    /// <summary>The model.</summary>
    public T Model => model;

    /// <summary>Ends the use.</summary>
    public void Dispose() => Interlocked.Exchange(ref _source, null)?.Leave();
}
