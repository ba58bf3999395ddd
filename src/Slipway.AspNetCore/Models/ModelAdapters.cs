namespace Slipway.AspNetCore.Models;

/// <summary>
/// Knows the adapters of a model: those of its package, and those that were added since. Thread-safe.
/// </summary>
/// <remarks>What was added is added again when the model was unloaded and is loaded once more.</remarks>
/// <param name="packaged">The names of the package's own.</param>
internal sealed class ModelAdapters(IReadOnlyList<string> packaged) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);

    // Replaced as a whole, so that readers need no turn.
    private volatile IReadOnlyDictionary<string, string> _added = new Dictionary<string, string>();

    /// <summary>All names.</summary>
    public IReadOnlyList<string> Names => [.. packaged, .. _added.Keys];

    /// <summary>Tells whether an adapter belongs to the package.</summary>
    public bool IsPackaged(string name) => packaged.Contains(name);

    /// <summary>Adds an adapter from a folder.</summary>
    public Task AddAsync(LanguageModel model, string name, string folder, CancellationToken cancellationToken)
        => InTurnAsync(
            async () =>
            {
                await model.AddAdapterAsync(name, folder, cancellationToken).ConfigureAwait(false);
                _added = new Dictionary<string, string>(_added) { [name] = folder };
            },
            cancellationToken);

    /// <summary>Removes an adapter that was added; false where there is none of this name.</summary>
    /// <remarks>Requests that use it end first; nobody waits for them here.</remarks>
    public async Task<bool> RemoveAsync(LanguageModel model, string name, CancellationToken cancellationToken)
    {
        var isRemoved = false;
        await InTurnAsync(
            () =>
            {
                isRemoved = _added.ContainsKey(name);
                if (isRemoved)
                {
                    _added = _added.Where(pair => pair.Key != name).ToDictionary();
                    _ = model.RemoveAdapterAsync(name, CancellationToken.None);
                }

                return Task.CompletedTask;
            },
            cancellationToken).ConfigureAwait(false);
        return isRemoved;
    }

    /// <summary>Adds again what a model that was loaded anew does not have.</summary>
    public Task RestoreAsync(LanguageModel model, CancellationToken cancellationToken)
    {
        return _added.Count == 0 || Missing().Length == 0 ? Task.CompletedTask : InTurnAsync(
            async () =>
            {
                foreach (var (name, folder) in Missing())
                {
                    await model.AddAdapterAsync(name, folder, cancellationToken).ConfigureAwait(false);
                }
            },
            cancellationToken);

        KeyValuePair<string, string>[] Missing() => [.. _added.ExceptBy(model.Adapters, pair => pair.Key)];
    }

    public void Dispose() => _turn.Dispose();

    private async Task InTurnAsync(Func<Task> work, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await work().ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }
}
