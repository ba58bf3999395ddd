namespace Slipway.Chat;

/// <summary>Loads a model once, when it is first needed, and disposes what it loaded.</summary>
/// <remarks>Safe for concurrent use. A load that fails is tried again by the next request.</remarks>
internal sealed class LazyModel : IDisposable, IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Func<IChatModel>? _load;
    private Task<IChatModel>? _model;
    private bool _disposed;

    /// <summary>Uses a model that somebody else disposes.</summary>
    public LazyModel(IChatModel model) => _model = Task.FromResult(model);

    /// <summary>Loads a model on a thread of the pool when it is first needed.</summary>
    public LazyModel(Func<IChatModel> load) => _load = load;

    /// <summary>The model, loaded where it is not yet.</summary>
    public Task<IChatModel> GetAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(OnnxChatClient));
            if (_model is null or { IsFaulted: true })
            {
                _model = Task.Run(_load!, CancellationToken.None);
            }

            return _model.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Disposes the model where this source loaded it.</summary>
    /// <remarks>A load that is still under way ends by itself; its model is then disposed at once.</remarks>
    public void Dispose() => _ = Close();

    /// <summary>Disposes the model where this source loaded it, a load under way included.</summary>
    public ValueTask DisposeAsync() => new(Close());

    private Task Close()
    {
        Task<IChatModel>? model;
        lock (_lock)
        {
            if (_disposed)
            {
                return Task.CompletedTask;
            }

            _disposed = true;
            model = _load is null ? null : _model;
        }

        return model?.ContinueWith(
            static loaded =>
            {
                if (loaded.IsCompletedSuccessfully)
                {
                    loaded.Result.Dispose();
                }
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default) ?? Task.CompletedTask;
    }
}
