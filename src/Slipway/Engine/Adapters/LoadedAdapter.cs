using System.Numerics.Tensors;
using Slipway.Packaging;

namespace Slipway.Engine.Adapters;

/// <summary>A layer of the graph that adapters may add to.</summary>
/// <param name="Name">What the names of its two inputs begin with.</param>
/// <param name="Inputs">Rows of the first factor.</param>
/// <param name="Outputs">Columns of the second factor.</param>
internal sealed record AdapterLayer(string Name, int Inputs, int Outputs)
{
    public string Down => $"{Name}.lora_A";

    public string Up => $"{Name}.lora_B";

    public string Scale => $"{Name}.lora_scale";

    /// <summary>Tells whether an adapter scales its rows.</summary>
    public bool HasScale { get; init; }

    /// <summary>Number of the checkpoint's layers that the layer holds; each has ranks of its own.</summary>
    public int Parts { get; set; } = 1;
}

/// <summary>An adapter's factors, as its file holds them.</summary>
internal sealed class LoadedAdapter : IDisposable
{
    public const int MaxRank = 4096;
    private readonly Dictionary<string, AdapterMatrix> _matrices;

    /// <param name="name">The name that requests use.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="data">The factors, which the adapter owns.</param>
    /// <param name="matrices">Where they are, by the graph's inputs.</param>
    public LoadedAdapter(string name, int rank, NativeBuffer data, Dictionary<string, AdapterMatrix> matrices)
    {
        Name = name;
        Rank = rank;
        Data = data;
        _matrices = matrices;
    }

    public string Name { get; }

    public int Rank { get; }

    public NativeBuffer Data { get; }

    /// <summary>Reads an adapter and checks it against the graph's layers, whose parts it tells.</summary>
    /// <exception cref="PackageException">The file is damaged or does not fit the graph.</exception>
    public static LoadedAdapter Read(
        ModelPackage package, PackageAdapter adapter, IReadOnlyDictionary<string, AdapterLayer> layers)
    {
        var path = package.FindFile(adapter.File) ?? throw new PackageException(
            package.Path,
            $"The package '{package.Path}' has no file '{adapter.File}', which '{ModelPackage.ManifestFile}' names for "
            + $"the adapter '{adapter.Name}'. Copy or export the package again.");
        if (adapter.Rank is < 1 or > MaxRank)
        {
            throw new PackageException(
                path,
                $"The adapter '{adapter.Name}' of '{package.Path}' has the rank '{adapter.Rank}'; expected from 1 to "
                + $"{MaxRank}. Export the package again.");
        }

        var (data, matrices) = new AdapterFile(path, "Copy or export the package again.", AdapterFile.Float32).Read();
        var loaded = new LoadedAdapter(adapter.Name, adapter.Rank, data, matrices);
        try
        {
            loaded.Check(path, layers);
            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>A factor; null where the adapter adds nothing there.</summary>
    public AdapterMatrix? Find(string input) => _matrices.TryGetValue(input, out var matrix) ? matrix : null;

    /// <summary>Elements of a factor.</summary>
    public ReadOnlySpan<float> Row(AdapterMatrix matrix, int row)
        => Data.AsSpan<float>((matrix.Offset / sizeof(float)) + ((long)row * matrix.Columns), matrix.Columns);

    /// <summary>Elements of a factor that is being filled.</summary>
    public Span<float> MutableRow(AdapterMatrix matrix, int row)
        => Data.AsSpan<float>((matrix.Offset / sizeof(float)) + ((long)row * matrix.Columns), matrix.Columns);

    public void Dispose() => Data.Dispose();

    private void Check(string path, IReadOnlyDictionary<string, AdapterLayer> layers)
    {
        foreach (var layer in layers.Values)
        {
            if (Find(layer.Down) is { } down)
            {
                layer.Parts = Math.Max(down.Columns / Rank, 1);
            }
        }

        foreach (var (name, matrix) in _matrices)
        {
            var layer = layers.Values.FirstOrDefault(
                layer => layer.Down == name || layer.Up == name || (layer.HasScale && layer.Scale == name))
                ?? throw new PackageException(
                    path,
                    $"The adapter file '{path}' holds '{name}', for which the graph has no input. Export the package "
                    + "again.");
            var (rows, columns) = layer.Down == name
                ? (layer.Inputs, layer.Parts * Rank)
                : (layer.Parts * Rank, layer.Outputs);
            if (matrix.Rows != rows || matrix.Columns != columns || !_matrices.ContainsKey(layer.Up)
                || !_matrices.ContainsKey(layer.Down))
            {
                throw new PackageException(
                    path,
                    $"Tensor '{name}' in '{path}' has the shape [{matrix.Rows}, {matrix.Columns}] beside a second "
                    + $"factor; expected [{rows}, {columns}] from the rank {Rank} of the adapter '{Name}' and the "
                    + "graph. Export the package again.");
            }

            RequireFinite(path, name, matrix);
        }
    }

    // A row's product with what is not finite would reach other rows of the batch, multiplied by zero or not.
    private void RequireFinite(string path, string name, AdapterMatrix matrix)
    {
        for (var row = 0; row < matrix.Rows; row++)
        {
            if (!TensorPrimitives.IsFiniteAll(Row(matrix, row)))
            {
                throw new PackageException(
                    path, $"Tensor '{name}' in '{path}' holds a value that is not finite. Export the package again.");
            }
        }
    }
}
