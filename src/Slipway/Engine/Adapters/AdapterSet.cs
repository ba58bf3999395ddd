using System.Collections.Concurrent;
using Microsoft.ML.OnnxRuntime;
using Slipway.Packaging;

namespace Slipway.Engine.Adapters;

/// <summary>The adapters that a model has, and the combinations of them that batches use.</summary>
/// <remarks>
/// Names, uses, <see cref="Add"/> and <see cref="Retire"/> are safe from any thread; the rest belongs to the engine's.
/// An id is never given twice, so what is cached for one stays its own.
/// </remarks>
internal sealed class AdapterSet : IDisposable
{
    public const string MaskInput = "adapter_mask";

    // Several adapters side by side are a copy of theirs, so few combinations are kept.
    private const int MaxKept = 2;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, AdapterEntry> _named = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<int, LoadedAdapter> _adapters = new();
    private readonly Dictionary<string, AdapterLayer> _layers = new(StringComparer.Ordinal);
    private readonly Dictionary<int, AdapterTensors> _alone = [];
    private readonly LinkedList<AdapterTensors> _byUse = new();
    private int _lastId;

    private AdapterSet()
    {
    }

    /// <summary>The adapters' names, in the order in which they came.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_gate)
            {
                return [.. _named.OrderBy(pair => pair.Value.Id).Select(pair => pair.Key)];
            }
        }
    }

    /// <summary>The layers of the graph that take adapters, by their names.</summary>
    public IReadOnlyDictionary<string, AdapterLayer> Layers => _layers;

    /// <summary>Reads the adapters that a package names; null where its graph takes none.</summary>
    /// <exception cref="PackageException">A file is missing or damaged, or does not fit the graph.</exception>
    public static AdapterSet? Read(InferenceSession session, ModelPackage package)
    {
        var named = package.Manifest?.Adapters ?? [];
        if (named.Count == 0 && !session.OverridableInitializerMetadata.ContainsKey(MaskInput))
        {
            return null;
        }

        var set = new AdapterSet();
        try
        {
            set.ReadLayers(session.OverridableInitializerMetadata, package);
            foreach (var adapter in named)
            {
                if (adapter?.Name is null || adapter.File is null || set._named.ContainsKey(adapter.Name))
                {
                    throw new PackageException(
                        package.Path,
                        $"'{ModelPackage.ManifestFile}' of '{package.Path}' names an adapter twice, or without a name "
                        + "or a file. Export the package again.");
                }

                set.Add(LoadedAdapter.Read(package, adapter, set._layers));
            }

            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>Tells whether requests can choose an adapter of this name.</summary>
    public bool Contains(string name)
    {
        lock (_gate)
        {
            return _named.ContainsKey(name);
        }
    }

    /// <summary>Holds an adapter for a request, until the result is disposed; null for an unknown name.</summary>
    public AdapterUse? TryUse(string name)
    {
        lock (_gate)
        {
            return _named.TryGetValue(name, out var entry) ? new AdapterUse(_gate, entry) : null;
        }
    }

    /// <summary>
    /// Adds an adapter, which the set owns from here on; false, and it does not, where its name is taken.
    /// </summary>
    public bool Add(LoadedAdapter adapter)
    {
        lock (_gate)
        {
            var id = _lastId + 1;
            if (!_named.TryAdd(adapter.Name, new AdapterEntry(id)))
            {
                return false;
            }

            (_lastId, _adapters[id]) = (id, adapter);
            return true;
        }
    }

    /// <summary>Lets no further request use an adapter; null for an unknown name.</summary>
    /// <returns>Its id, and a task that ends with the last request that uses it.</returns>
    public (int Id, Task Unused)? Retire(string name)
    {
        lock (_gate)
        {
            return _named.Remove(name, out var entry) ? (entry.Id, entry.Retire()) : null;
        }
    }

    /// <summary>Frees an adapter that was retired and is no longer used.</summary>
    /// <returns>Its bytes.</returns>
    public long Free(int id)
    {
        if (_alone.Remove(id, out var alone))
        {
            alone.Dispose();
        }

        foreach (var tensors in _byUse.Where(tensors => tensors.Ids.Contains(id)).ToArray())
        {
            _byUse.Remove(tensors);
            tensors.Dispose();
        }

        if (!_adapters.TryRemove(id, out var adapter))
        {
            return 0;
        }

        var bytes = adapter.Data.Bytes;
        adapter.Dispose();
        return bytes;
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
        foreach (var adapter in _adapters.Values)
        {
            adapter.Dispose();
        }
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

        // A layer that none of the package's adapters changes has its parts too.
        foreach (var described in package.Manifest?.AdapterLayers ?? [])
        {
            if (described?.Name is { } name && _layers.TryGetValue(name, out var layer))
            {
                layer.Parts = Math.Max(described.Sources?.Count ?? 1, 1);
            }
        }
    }
}
