using Slipway.Checkpoints.Adapters;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints;

/// <summary>Reads a LoRA adapter as PEFT saves it.</summary>
/// <remarks>
/// A folder with <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> or <c>adapter_model.bin</c>. Rank and
/// alpha patterns, rsLoRA, DoRA, adapted embeddings, biases, modules saved whole and rows of single tokens are
/// understood; other variants are refused by name. All members are safe for concurrent use, but for
/// <see cref="Dispose"/>.
/// </remarks>
public sealed class LoraAdapter : IDisposable
{
    private static readonly string[] WeightFiles = ["adapter_model.safetensors", "adapter_model.bin"];
    private readonly Checkpoint _tensors;
    private readonly Dictionary<string, LoraModule> _modules;

    private LoraAdapter(string path, Checkpoint tensors, LoraSettings settings)
    {
        Path = path;
        _tensors = tensors;
        BaseModel = settings.BaseModel;
        TiesWeights = settings.TiesWeights;
        (_modules, Replacements, TokenRows) = LoraModules.Read(path, tensors, settings);
        Targets = _modules.ToDictionary(pair => pair.Key, pair => pair.Value.Target, StringComparer.Ordinal);
    }

    /// <summary>Gets the adapter's folder.</summary>
    public string Path { get; }

    /// <summary>Gets the name of the model that the adapter was trained on, where it is stated.</summary>
    public string? BaseModel { get; }

    /// <summary>Gets what the adapter adds to, by the weight's name.</summary>
    public IReadOnlyDictionary<string, LoraTarget> Targets { get; }

    /// <summary>Gets the tensors that take the place of the model's own, by the model's name for them.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Replacements { get; }

    /// <summary>Gets the embeddings of which the adapter replaces single rows, by the model's name for them.</summary>
    public IReadOnlyCollection<string> PartlyReplaced => [.. TokenRows.Keys];

    internal Checkpoint Tensors => _tensors;

    internal IReadOnlyDictionary<string, LoraTokenRows> TokenRows { get; }

    internal bool TiesWeights { get; }

    /// <summary>Opens an adapter.</summary>
    /// <param name="folder">The folder that PEFT wrote.</param>
    /// <exception cref="FileNotFoundException">The folder holds no adapter.</exception>
    /// <exception cref="CheckpointException">The files are damaged, contradict each other or are unknown.</exception>
    public static LoraAdapter Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var configuration = System.IO.Path.Combine(folder, LoraSettings.FileName);
        var weights = WeightFiles.Select(name => System.IO.Path.Combine(folder, name))
            .FirstOrDefault(CheckpointFile.IsThere);
        if (weights is null || CheckpointFolder.ReadFile(folder, LoraSettings.FileName) is not { } json)
        {
            throw new FileNotFoundException(
                $"The folder '{folder}' holds no adapter. Expected '{LoraSettings.FileName}' and " +
                $"{string.Join(" or ", WeightFiles.Select(name => $"'{name}'"))}.", configuration);
        }

        var settings = new LoraSettings(JsonFile.Parse(json, configuration), configuration);
        var tensors = Checkpoint.Open(weights);
        try
        {
            return new LoraAdapter(folder, tensors, settings);
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    /// <summary>Reads the first factor of a target's product, [rank, inputs].</summary>
    /// <exception cref="ArgumentException">There is no such target, or the length is not rank times inputs.</exception>
    public void ReadDown(string name, Span<float> destination) =>
        Read(name, module => module.Down, target => target.Rank * target.Inputs, destination);

    /// <summary>Reads the second factor of a target's product, [outputs, rank].</summary>
    /// <exception cref="ArgumentException">There is no such target, or the length is not that of the
    /// factor.</exception>
    public void ReadUp(string name, Span<float> destination) =>
        Read(name, module => module.Up, target => target.Outputs * target.Rank, destination);

    /// <summary>Reads the magnitudes of a target's rows (DoRA), [outputs].</summary>
    /// <exception cref="ArgumentException">
    /// There is no such target, it has no magnitudes, or the length is not the number of outputs.
    /// </exception>
    public void ReadMagnitude(string name, Span<float> destination) => Read(
        name,
        module => module.Magnitude ?? throw new ArgumentException(
            $"The adapter '{Path}' has no magnitudes for '{name}'. Ask where HasMagnitude is true.", nameof(name)),
        target => target.Outputs, destination);

    /// <summary>Lays the adapter over a checkpoint: its tensors read as if the adapter were merged into them.</summary>
    /// <remarks>
    /// Nothing is written and no more than the adapter's factors is held; rows are merged when they are read. An
    /// adapter that changes one of embedding and head of a model that ties them leaves the other as it is, and one that
    /// brings a larger vocabulary changes <c>vocab_size</c>. A tokenizer in the adapter's folder takes the model's
    /// place. The result owns the checkpoint and this adapter and closes both.
    /// </remarks>
    /// <exception cref="CheckpointException">The adapter does not fit the checkpoint.</exception>
    public Checkpoint MergeInto(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        return new MergedCheckpoint(checkpoint, this);
    }

    /// <summary>Closes the files.</summary>
    public void Dispose() => _tensors.Dispose();

    internal LoraModule Module(string name) => _modules[name];

    private void Read(
        string name, Func<LoraModule, TensorInfo> part, Func<LoraTarget, long> length, Span<float> destination)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!_modules.TryGetValue(name, out var module))
        {
            throw new ArgumentException(
                $"The adapter '{Path}' adds nothing to '{name}'. Ask for one that Targets lists.", nameof(name));
        }

        if (destination.Length != length(module.Target))
        {
            throw new ArgumentException(
                $"The factor of '{name}' in the adapter '{Path}' has {length(module.Target)} elements, not " +
                $"{destination.Length}.", nameof(destination));
        }

        _tensors.ReadFloats(part(module).Name, 0, destination);
    }
}
