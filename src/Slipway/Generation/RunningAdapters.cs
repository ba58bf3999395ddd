using Slipway.Engine.Adapters;
using Slipway.Engine.Scheduling;
using Slipway.Packaging;

namespace Slipway.Generation;

/// <summary>Adds adapters to a running model and removes them. Safe for concurrent use.</summary>
internal sealed class RunningAdapters(ModelPackage package, AdapterSet? adapters, ModelEngine engine)
{
    private const int MaxName = 64;

    /// <summary>Reads an adapter beside what runs, and adds it between two steps of the engine.</summary>
    public async Task AddAsync(string name, string folder, CancellationToken cancellationToken)
    {
        var set = Require(name);
        cancellationToken.ThrowIfCancellationRequested();
        var loaded = await Task.Run(
            () => PeftAdapter.Read(name, folder, package.Manifest!.AdapterLayers!, set.Layers), cancellationToken)
            .ConfigureAwait(false);
        var isAdded = false;
        try
        {
            await engine.InvokeAsync(() =>
            {
                engine.HoldAdapters(loaded.Data.Bytes);
                isAdded = set.Add(loaded);
                if (!isAdded)
                {
                    engine.HoldAdapters(-loaded.Data.Bytes);
                }
            }).ConfigureAwait(false);
        }
        finally
        {
            if (!isAdded)
            {
                loaded.Dispose();
            }
        }

        if (!isAdded)
        {
            throw Taken(name);
        }
    }

    /// <summary>Lets no further request use an adapter, and frees it when the last one has ended.</summary>
    public Task RemoveAsync(string name, CancellationToken cancellationToken)
    {
        if (adapters?.Retire(name) is not var (id, unused))
        {
            throw new ArgumentException(
                $"The model has no adapter '{Excerpt.Of(name)}'; it has "
                + (adapters?.Names is { Count: > 0 } names ? $"{Excerpt.OfList(names)}." : "none."),
                nameof(name));
        }

        return FreeAsync(adapters, id, unused).WaitAsync(cancellationToken);
    }

    private async Task FreeAsync(AdapterSet set, int id, Task unused)
    {
        await unused.ConfigureAwait(false);
        await engine.InvokeAsync(() => engine.ForgetAdapter(id, set.Free(id))).ConfigureAwait(false);
    }

    private AdapterSet Require(string name)
    {
        if (name.Length is 0 or > MaxName || name[0] == '.'
            || !name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.'))
        {
            throw new ArgumentException(
                $"'{Excerpt.Of(name)}' is no name for an adapter; expected up to {MaxName} ASCII letters, digits, "
                + "'-', '_' and '.', not '.' at first.", nameof(name));
        }

        if (adapters is null || package.Manifest?.AdapterLayers is not { Count: > 0 })
        {
            throw new NotSupportedException(
                $"The graph of the package '{package.Path}' "
                + (adapters is null ? "takes no adapters" : "was exported before adapters could be added to it")
                + ". Export the model again with '--adapter-inputs', or with the adapter itself ('--adapters "
                + "NAME=DIR').");
        }

        return adapters.Contains(name) ? throw Taken(name) : adapters;
    }

    private static ArgumentException Taken(string name) => new(
        $"The model has an adapter '{name}' already. Remove it first, or choose another name.", nameof(name));
}
