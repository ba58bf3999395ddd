using Slipway.Checkpoints;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Packaging;

namespace Slipway.Export.Adapters;

/// <summary>The LoRA adapters that a package holds beside its model, for requests to choose between.</summary>
internal sealed class SwitchedAdapters
{
    private readonly IReadOnlyDictionary<string, SwitchedAdapter> _adapters;
    private readonly HashSet<string> _targets;
    private readonly bool _takesMore;
    private readonly List<AdaptedMatrix> _matrices = [];
    private AdapterMask? _mask;

    private SwitchedAdapters(IReadOnlyDictionary<string, SwitchedAdapter> adapters, bool takesMore)
    {
        (_adapters, _takesMore) = (adapters, takesMore);
        _targets = adapters.Values.SelectMany(adapter => adapter.Targets.Keys).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Checks adapters against a model; null where there are none and never will be.</summary>
    /// <param name="adapters">The adapters by their names.</param>
    /// <param name="model">The model.</param>
    /// <param name="takesMore">Whether a running model is to take further ones at any linear layer.</param>
    /// <exception cref="ArgumentException">A name is not one that a request and a file can have.</exception>
    /// <exception cref="NotSupportedException">An adapter does more than add products to linear layers.</exception>
    /// <exception cref="CheckpointException">An adapter does not fit the model.</exception>
    public static SwitchedAdapters? Create(
        IReadOnlyDictionary<string, LoraAdapter> adapters, AdapterBase model, bool takesMore)
    {
        Dictionary<string, SwitchedAdapter> switched = [];
        foreach (var (name, adapter) in adapters)
        {
            if (name.Length is 0 or > 64 || name[0] == '.'
                || !name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.'))
            {
                throw new ArgumentException(
                    $"'{name}' is no name for an adapter; expected up to 64 ASCII letters, digits, '-', '_' and '.', "
                    + "not '.' at first.", nameof(adapters));
            }

            switched.Add(name, new SwitchedAdapter(adapter, AdapterChecks.Resolve(name, adapter, model)));
        }

        return switched.Count == 0 && !takesMore ? null : new SwitchedAdapters(switched, takesMore);
    }

    /// <summary>The matrix with what adapters add; the same where they add nothing.</summary>
    /// <param name="name">The matrix' name.</param>
    /// <param name="matrix">The matrix.</param>
    /// <param name="weight">Its numbers.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="isLinear">Whether it is a linear layer's, and no table or small exact matrix.</param>
    public GraphWeight Wrap(string name, GraphWeight matrix, Weight weight, Graph graph, bool isLinear)
    {
        var adapted = Find(name, matrix, weight, graph, isLinear);
        return adapted is null ? matrix : adapted;
    }

    /// <summary>The matrix with what adapters add; null where they add nothing.</summary>
    /// <param name="name">The matrix' name.</param>
    /// <param name="matrix">The matrix.</param>
    /// <param name="weight">Its numbers.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="isLinear">Whether it is a linear layer's, and no table or small exact matrix.</param>
    public AdaptedMatrix? Find(string name, GraphWeight matrix, Weight weight, Graph graph, bool isLinear)
    {
        string[] sources = [.. Enumerable.Range(0, weight.Rows)
            .Select(row => weight.SourceOf(row)?.Tensor)
            .OfType<string>()
            .Where(tensor => (_takesMore && isLinear) || _targets.Contains(tensor))
            .Distinct()];
        if (sources.Length == 0)
        {
            return null;
        }

        var layer = name.EndsWith(".weight", StringComparison.Ordinal) ? name[..^".weight".Length] : name;
        AdaptedMatrix adapted = new(layer, matrix, weight, _mask ??= new AdapterMask(graph), sources,
            _adapters.Values.Any(adapter => sources.Any(
                source => adapter.Targets.GetValueOrDefault(source) is { HasMagnitude: true })));
        _matrices.Add(adapted);
        return adapted;
    }

    /// <summary>Describes the layers that take adapters.</summary>
    public IReadOnlyList<PackageAdapterLayer> Layers()
        => [.. _matrices.Where(matrix => matrix.IsUsed).Select(AdapterLayers.Of)];

    /// <summary>Writes each adapter in the form that the graph takes.</summary>
    /// <exception cref="NotSupportedException">An adapter changes what the graph does not multiply by.</exception>
    public IReadOnlyList<PackageAdapter> Write(PackageWriter package)
    {
        var met = _matrices.Where(matrix => matrix.IsUsed)
            .SelectMany(matrix => matrix.Sources)
            .ToHashSet(StringComparer.Ordinal);
        List<PackageAdapter> written = [];
        foreach (var (name, adapter) in _adapters.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (adapter.Targets.Keys.FirstOrDefault(target => !met.Contains(target)) is { } missed)
            {
                throw new NotSupportedException(
                    $"The adapter '{name}' in '{adapter.Adapter.Path}' changes '{missed}', which is no linear layer of "
                    + "its own in the graph. Such an adapter cannot be switched per request: merge it at export "
                    + "instead.");
            }

            var rank = adapter.Targets.Values.Max(target => target.Rank);
            var file = $"adapters/{name}.safetensors";
            using var stream = package.Create(file);
            SafetensorsWriter.Write(
                stream,
                [.. _matrices.Where(matrix => matrix.IsUsed && matrix.Sources.Any(adapter.Targets.ContainsKey))
                    .SelectMany(matrix => AdapterFactors.Of(matrix, adapter, rank))]);
            written.Add(new PackageAdapter(name, file, rank));
        }

        return written;
    }
}

/// <summary>An adapter, and what it adds to by the names that the checkpoint stores tensors with.</summary>
internal sealed record SwitchedAdapter(LoraAdapter Adapter, IReadOnlyDictionary<string, LoraTarget> Targets);
