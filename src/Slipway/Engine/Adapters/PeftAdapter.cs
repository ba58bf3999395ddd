using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Slipway.Packaging;

namespace Slipway.Engine.Adapters;

/// <summary>Reads a LoRA adapter as PEFT saves it into the form that a package's graph takes.</summary>
/// <remarks>
/// The package says which rows of its layers are which outputs of the checkpoint's. Sources: LoRA (arXiv 2106.09685),
/// rsLoRA (arXiv 2312.03732), PEFT's files.
/// </remarks>
internal sealed class PeftAdapter
{
    private const string WeightFile = "adapter_model.safetensors", Prefix = "base_model.model.";
    private const string Down = ".lora_A.weight", Up = ".lora_B.weight";
    private const string Remedy = "Take the file that PEFT's 'save_pretrained' wrote, without changes.";

    private readonly string _path;
    private readonly PeftSettings _settings;
    private readonly IReadOnlyList<PackageAdapterLayer> _described;
    private readonly IReadOnlyDictionary<string, AdapterLayer> _layers;

    private PeftAdapter(
        string folder, IReadOnlyList<PackageAdapterLayer> described, IReadOnlyDictionary<string, AdapterLayer> layers)
    {
        (_path, _described, _layers) = (Path.Combine(folder, WeightFile), described, layers);
        _settings = PeftSettings.Read(folder);
    }

    /// <summary>Reads a folder.</summary>
    /// <param name="name">The name that requests are to use.</param>
    /// <param name="folder">The folder that PEFT wrote.</param>
    /// <param name="described">The layers as the package describes them.</param>
    /// <param name="layers">The layers as the graph has them.</param>
    /// <exception cref="PackageException">A file is missing or damaged, or does not fit the model.</exception>
    public static LoadedAdapter Read(
        string name, string folder, IReadOnlyList<PackageAdapterLayer> described,
        IReadOnlyDictionary<string, AdapterLayer> layers)
    {
        var adapter = new PeftAdapter(folder, described, layers);
        if (!File.Exists(adapter._path))
        {
            throw new PackageException(
                adapter._path, $"The folder '{folder}' holds no '{WeightFile}'. Save the adapter with PEFT's "
                + "'save_pretrained' as safetensors.");
        }

        var (data, matrices) = new AdapterFile(
            adapter._path, Remedy, AdapterFile.Float32, AdapterFile.Float16, AdapterFile.BFloat16)
            .Read(adapter.CheckName);
        using (data)
        {
            return adapter.Load(name, data, matrices);
        }
    }

    private LoadedAdapter Load(string name, NativeBuffer data, Dictionary<string, AdapterMatrix> matrices)
    {
        var pairs = Pairs(matrices);
        if (pairs.Count == 0)
        {
            throw Bad("holds no factors: its training was not saved into it");
        }

        var rank = pairs.Values.Max(pair => pair.Down.Rows);
        if (rank > LoadedAdapter.MaxRank)
        {
            throw Bad($"has the rank {rank}; expected from 1 to {LoadedAdapter.MaxRank}");
        }

        var places = Places(pairs.Keys);
        var inputs = new Dictionary<string, AdapterMatrix>(StringComparer.Ordinal);
        var bytes = 0L;
        foreach (var layer in places.SelectMany(place => place.Value).Select(place => place.Layer).Distinct())
        {
            Reserve(layer.Down, layer.Inputs, layer.Parts * rank);
            Reserve(layer.Up, layer.Parts * rank, layer.Outputs);
        }

        var loaded = new LoadedAdapter(name, rank, new NativeBuffer(bytes), inputs);
        try
        {
            foreach (var (module, (down, up)) in pairs)
            {
                Fill(loaded, rank, module, Floats(data, down, module), Floats(data, up, module), places[module]);
            }

            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }

        void Reserve(string input, int rows, int columns)
        {
            inputs.Add(input, new AdapterMatrix(bytes, rows, columns));
            bytes += (long)rows * columns * sizeof(float);
        }
    }

    // What the names tell is refused before shapes are looked at.
    private void CheckName(string tensor)
    {
        if (!tensor.StartsWith(Prefix, StringComparison.Ordinal) || ModuleOf(tensor) is null)
        {
            var what = tensor.Contains("lora_magnitude", StringComparison.Ordinal) ? "scales rows (DoRA)"
                : tensor.Contains("lora_embedding", StringComparison.Ordinal) ? "changes an embedding"
                : tensor.EndsWith(".bias", StringComparison.Ordinal) ? "adds a bias"
                : "replaces a tensor";
            throw new PackageException(
                _path,
                $"Tensor '{Excerpt.Of(tensor)}' in '{_path}' {what}, which a running model cannot take: only products "
                + "of linear layers. Merge the adapter at export ('slipway export --adapter DIR').");
        }
    }

    private Dictionary<string, (AdapterMatrix Down, AdapterMatrix Up)> Pairs(Dictionary<string, AdapterMatrix> matrices)
    {
        var pairs = new Dictionary<string, (AdapterMatrix Down, AdapterMatrix Up)>(StringComparer.Ordinal);
        foreach (var (tensor, matrix) in matrices.Where(
            pair => Plain(pair.Key).EndsWith(Down, StringComparison.Ordinal)))
        {
            var other = tensor.Replace(".lora_A.", ".lora_B.", StringComparison.Ordinal);
            if (!matrices.TryGetValue(other, out var up) || up.Columns != matrix.Rows
                || !pairs.TryAdd(ModuleOf(tensor)!, (matrix, up)))
            {
                throw Bad(
                    $"has a tensor '{Excerpt.Of(tensor)}' of shape [{matrix.Rows}, {matrix.Columns}] without a second "
                    + "factor of as many columns");
            }
        }

        return pairs.Count * 2 == matrices.Count ? pairs : throw Bad("holds second factors without first ones");
    }

    // Where a module's outputs are in the graph: of one layer, or of several that it was split into.
    private Dictionary<string, List<Place>> Places(IEnumerable<string> modules)
    {
        var all = _described.SelectMany(Described).ToLookup(row => row.Tensor, row => row.Place);
        return modules.ToDictionary(module => module, module =>
        {
            var tensor = $"{module}.weight";

            // Libraries put a model into others, so names may differ in what they begin with.
            var found = all.Where(group => group.Key == tensor
                || group.Key.EndsWith($".{tensor}", StringComparison.Ordinal)
                || tensor.EndsWith($".{group.Key}", StringComparison.Ordinal)).ToArray();
            return found is [var only] ? only.ToList() : throw new PackageException(
                _path,
                $"The adapter '{_path}' changes '{Excerpt.Of(module)}', for which the model's graph takes no adapter. "
                + $"Use the model that it was trained on{_settings.BaseModel}, exported with '--adapter-inputs', or "
                + "merge it at export ('--adapter DIR').");
        }, StringComparer.Ordinal);
    }

    // The package's own file may be damaged too.
    private IEnumerable<(string Tensor, Place Place)> Described(PackageAdapterLayer described)
    {
        if (described is not { Name: not null, Sources: not null }
            || !_layers.TryGetValue(described.Name, out var layer)
            || described.Sources.Any(source => source is not { Tensor: not null, Rows.Count: > 0 }
                || source.Rows.Any(run => !Fits(run, layer.Outputs))))
        {
            throw new PackageException(
                _path,
                $"'adapter_layers' in the package's '{ModelPackage.ManifestFile}' does not describe the layers of its "
                + "graph. Export the package again.");
        }

        return described.Sources.Select((source, part) => (source.Tensor, new Place(layer, part, source.Rows)));

        static bool Fits(PackageAdapterRows? run, int rows) => run is { Count: > 0, Row: >= 0, Output: >= 0 }
            && run.Row < rows && run.Row + ((run.Count - 1L) * run.RowStep) is var row && row >= 0 && row < rows
            && run.Output + ((run.Count - 1L) * run.OutputStep) is >= 0 and < int.MaxValue;
    }

    private void Fill(
        LoadedAdapter adapter, int rank, string module, FloatMatrix down, FloatMatrix up, List<Place> places)
    {
        var scale = _settings.Scale(module, down.Rows);
        var outputs = places.SelectMany(place => place.Rows).Max(run => LastOf(run)) + 1;
        foreach (var (layer, part, runs) in places)
        {
            if (down.Columns != layer.Inputs || up.Rows != outputs)
            {
                throw new PackageException(
                    _path,
                    $"The adapter '{_path}' changes '{Excerpt.Of(module)}' with factors [{down.Rows}, {down.Columns}] "
                    + $"and [{up.Rows}, {up.Columns}]; the model's layer takes {layer.Inputs} inputs and has {outputs} "
                    + $"outputs. Use the model that it was trained on{_settings.BaseModel}.");
            }

            var columns = layer.Parts * rank;
            var first = adapter.Find(layer.Down)!.Value;
            for (var r = 0; r < down.Rows; r++)
            {
                for (var input = 0; input < layer.Inputs; input++)
                {
                    adapter.MutableRow(first, input)[(part * rank) + r] = down.Row(r)[input];
                }
            }

            var second = adapter.Find(layer.Up)!.Value;
            foreach (var run in runs)
            {
                for (var i = 0; i < run.Count; i++)
                {
                    var (row, output) = (run.Row + (i * run.RowStep), run.Output + (i * run.OutputStep));
                    for (var r = 0; r < down.Rows; r++)
                    {
                        adapter.MutableRow(second, (part * rank) + r)[row] =
                            up.Row(output)[r] * (float)(scale * run.Scale);
                    }
                }
            }
        }
    }

    private static int LastOf(PackageAdapterRows run)
        => Math.Max(run.Output, run.Output + ((run.Count - 1) * run.OutputStep));

    // A row's product with what is not finite would reach other rows of the batch, multiplied by zero or not.
    private FloatMatrix Floats(NativeBuffer data, AdapterMatrix matrix, string module)
    {
        var values = new float[checked(matrix.Rows * matrix.Columns)];
        var size = matrix.Type == AdapterFile.Float32 ? sizeof(float) : sizeof(ushort);
        var bytes = data.AsSpan<byte>(matrix.Offset, checked(values.Length * size));
        switch (matrix.Type)
        {
            case AdapterFile.Float32:
                bytes.CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
                break;
            case AdapterFile.Float16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), values);
                break;
            default:
                var bits = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = BitConverter.UInt32BitsToSingle((uint)bits[i] << 16);
                }

                break;
        }

        return TensorPrimitives.IsFiniteAll<float>(values)
            ? new FloatMatrix(values, matrix.Rows, matrix.Columns)
            : throw Bad(
                $"holds a value for '{Excerpt.Of(module)}' that is not finite: its training diverged");
    }

    // PEFT writes '.default' after a factor's name where an adapter was saved under its own name.
    private static string Plain(string tensor) => tensor.Replace(".default", "", StringComparison.Ordinal);

    private static string? ModuleOf(string tensor)
    {
        var plain = Plain(tensor);
        return plain.EndsWith(Down, StringComparison.Ordinal) || plain.EndsWith(Up, StringComparison.Ordinal)
            ? plain[Prefix.Length..^Down.Length] : null;
    }

    private PackageException Bad(string problem) => new(_path, $"The adapter file '{_path}' {problem}. {Remedy}");

    private sealed record Place(AdapterLayer Layer, int Part, IReadOnlyList<PackageAdapterRows> Rows);

    private sealed record FloatMatrix(float[] Values, int Rows, int Columns)
    {
        public ReadOnlySpan<float> Row(int row) => Values.AsSpan(row * Columns, Columns);
    }
}
