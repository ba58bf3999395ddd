using Microsoft.ML.OnnxRuntime;
using Slipway.Packaging;

namespace Slipway.Engine.Adapters;

/// <summary>The adapters of a package, and the combinations of them that batches use.</summary>
/// <remarks>Belongs to the engine's thread, but for <see cref="Names"/> and <see cref="IdOf"/>.</remarks>
internal sealed class AdapterSet : IDisposable
{
    public const string MaskInput = "adapter_mask";

    // Several adapters side by side are a copy of theirs, so few combinations are kept.
    private const int MaxKept = 2;
    private readonly List<LoadedAdapter> _adapters = [];
    private readonly Dictionary<string, AdapterLayer> _layers = new(StringComparer.Ordinal);
    private readonly Dictionary<int, AdapterTensors> _alone = [];
    private readonly LinkedList<AdapterTensors> _byUse = new();

    private AdapterSet()
    {
    }

    /// <summary>The adapters' names; the first has the id 1.</summary>
    public IReadOnlyList<string> Names => [.. _adapters.Select(adapter => adapter.Name)];

    /// <summary>Reads the adapters that a package names; null where it has none.</summary>
    /// <exception cref="PackageException">A file is missing or damaged, or does not fit the graph.</exception>
    public static AdapterSet? Read(InferenceSession session, ModelPackage package)
    {
        if (package.Manifest?.Adapters is not { Count: > 0 } named)
        {
            return null;
        }

        var set = new AdapterSet();
        try
        {
            set.ReadLayers(session.OverridableInitializerMetadata, package);
            foreach (var adapter in named)
            {
                if (adapter?.Name is null || adapter.File is null || set.Names.Contains(adapter.Name))
                {
                    throw new PackageException(
                        package.Path,
                        $"'{ModelPackage.ManifestFile}' of '{package.Path}' names an adapter twice, or without a name "
                        + "or a file. Export the package again.");
                }

                set._adapters.Add(LoadedAdapter.Read(package, adapter, set._layers));
            }

            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>The adapter's number; -1 for an unknown name.</summary>
    public int IdOf(string name)
    {
        var index = _adapters.FindIndex(adapter => adapter.Name == name);
        return index < 0 ? -1 : index + 1;
    }

    /// <summary>The adapters that rows of a batch use, side by side.</summary>
    /// <param name="chosen">Each row's adapter; 0 for none.</param>
    public AdapterTensors For(ReadOnlySpan<int> chosen)
    {
        var ids = new SortedSet<int>();
        foreach (var id in chosen)
        {
            if (id > 0)
            {
                ids.Add(id);
            }
        }

        return ids.Count > 1 ? Together(ids) : Alone(ids.FirstOrDefault());
    }

    public void Dispose()
    {
        foreach (var tensors in _byUse.Concat(_alone.Values))
        {
            tensors.Dispose();
        }

        _byUse.Clear();
        _alone.Clear();
        _adapters.ForEach(adapter => adapter.Dispose());
    }

    // A view of the adapter's own data.
    private AdapterTensors Alone(int id)
    {
        if (!_alone.TryGetValue(id, out var tensors))
        {
            _alone.Add(id, tensors = new AdapterTensors(id == 0 ? [] : [id], _adapters, _layers.Values));
        }

        return tensors;
    }

    // A combination that holds more adapters serves as well; the mask leaves them out.
    private AdapterTensors Together(SortedSet<int> ids)
    {
        for (var node = _byUse.First; node is not null; node = node.Next)
        {
            if (ids.IsSubsetOf(node.Value.Ids))
            {
                _byUse.Remove(node);
                _byUse.AddFirst(node);
                return node.Value;
            }
        }

        while (_byUse.Count >= MaxKept)
        {
            _byUse.Last!.Value.Dispose();
            _byUse.RemoveLast();
        }

        return _byUse.AddFirst(new AdapterTensors([.. ids], _adapters, _layers.Values)).Value;
    }

    private void ReadLayers(IReadOnlyDictionary<string, NodeMetadata> optional, ModelPackage package)
    {
        const string down = ".lora_A", up = ".lora_B";
        foreach (var (input, metadata) in optional)
        {
            if (input.EndsWith(down, StringComparison.Ordinal))
            {
                var name = input[..^down.Length];
                if (metadata.Dimensions is not [> 0 and var inputs, _]
                    || optional.GetValueOrDefault(name + up)?.Dimensions is not [_, > 0 and var outputs])
                {
                    throw new PackageException(
                        package.ModelPath,
                        $"The graph '{package.ModelPath}' has an input '{input}' that is no matrix with a second "
                        + $"factor '{name}{up}'. Export the package again.");
                }

                _layers.Add(name, new AdapterLayer(name, inputs, outputs)
                {
                    HasScale = optional.ContainsKey($"{name}.lora_scale"),
                });
            }
        }

        if (_layers.Count == 0 || !optional.ContainsKey(MaskInput))
        {
            throw new PackageException(
                package.ModelPath,
                $"The graph '{package.ModelPath}' has no inputs for the adapters that '{ModelPackage.ManifestFile}' "
                + "names. Copy or export the package again.");
        }
    }
}
