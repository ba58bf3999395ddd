using Slipway.Checkpoints;

namespace Slipway.Cli.Verbs;

/// <summary>Opens the folders of LoRA adapters that an export is given.</summary>
internal sealed class AdapterFolders : IDisposable
{
    private readonly Dictionary<string, LoraAdapter> _adapters = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, LoraAdapter> Adapters => _adapters;

    /// <summary>Opens adapters by NAME=DIR; without a name the folder's own is taken.</summary>
    /// <exception cref="UsageException">Two have the same name.</exception>
    public static AdapterFolders Open(IReadOnlyList<string> arguments)
    {
        var folders = new AdapterFolders();
        try
        {
            foreach (var argument in arguments)
            {
                var (name, folder) = argument.Split('=', 2) is [var given, var path]
                    ? (given, path)
                    : (Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(argument))), argument);
                if (folders._adapters.ContainsKey(name))
                {
                    throw new UsageException(
                        $"Two of --adapters have the name '{name}'; give each its own, as NAME=DIR.");
                }

                folders._adapters.Add(name, LoraAdapter.Open(folder));
            }

            return folders;
        }
        catch
        {
            folders.Dispose();
            throw;
        }
    }

    /// <summary>Lays an adapter over a checkpoint, which the result owns; null for the checkpoint itself.</summary>
    public static Checkpoint Merge(Checkpoint checkpoint, string? folder)
    {
        if (folder is null)
        {
            return checkpoint;
        }

        LoraAdapter? adapter = null;
        try
        {
            adapter = LoraAdapter.Open(folder);
            return adapter.MergeInto(checkpoint);
        }
        catch
        {
            adapter?.Dispose();
            checkpoint.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var adapter in _adapters.Values)
        {
            adapter.Dispose();
        }
    }
}
