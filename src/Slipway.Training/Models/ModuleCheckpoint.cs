using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Training.Models.Encoders;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>Reads the parameters of a live TorchSharp module as a checkpoint, to export it unsaved.</summary>
/// <remarks>
/// Holds the module's own parameters, not copies: what is read is what they are at that moment, so do not train while
/// a reader is at work. Buffers are not listed. Parameters on another device, or not contiguous, are copied piece by
/// piece as they are read. The module stays the caller's; it must outlive this, and disposing this leaves it be.
/// </remarks>
public sealed class ModuleCheckpoint : Checkpoint
{
    private const int ChunkBytes = 1 << 24;

    private readonly Dictionary<string, Tensor> _parameters;
    private readonly Dictionary<string, byte[]> _files;

    /// <summary>Takes a model of this library, with its configuration.</summary>
    /// <param name="model">The model.</param>
    /// <param name="files">What <see cref="ReadFile"/> finds, by name, such as <c>tokenizer.json</c>.</param>
    /// <exception cref="NotSupportedException">The model has an adapter, or weights in 4-bit codes.</exception>
    public ModuleCheckpoint(CausalLanguageModel model, IReadOnlyDictionary<string, byte[]>? files = null)
        : this(model, (model ?? throw new ArgumentNullException(nameof(model))).Config.ToJson(), files)
    {
        if (model.Adapter is not null || model.IsFrozen)
        {
            throw new NotSupportedException(
                "The model has an adapter, or weights in 4-bit codes, which a checkpoint of its own weights lacks. "
                + "Merge the adapter into the model, or save it and merge it into the checkpoint that the model was "
                + "loaded from.");
        }
    }

    /// <summary>Takes an encoder of this library, with its configuration.</summary>
    /// <param name="model">The model.</param>
    /// <param name="files">What <see cref="ReadFile"/> finds, by name, such as <c>tokenizer.json</c>.</param>
    public ModuleCheckpoint(EncoderModel model, IReadOnlyDictionary<string, byte[]>? files = null)
        : this(model, (model ?? throw new ArgumentNullException(nameof(model))).Config.ToJson(), files)
    {
    }

    /// <summary>Takes a sentence model of this library, with its configuration and the files that say how a vector is
    /// made.</summary>
    /// <param name="model">The model.</param>
    /// <param name="files">What <see cref="ReadFile"/> finds besides, by name, such as
    /// <c>tokenizer.json</c>.</param>
    public ModuleCheckpoint(SentenceModel model, IReadOnlyDictionary<string, byte[]>? files = null)
        : this(
            (model ?? throw new ArgumentNullException(nameof(model))).Encoder, model.Encoder.Config.ToJson(),
            (files ?? new Dictionary<string, byte[]>()).Concat(model.Files).DistinctBy(one => one.Key)
                .ToDictionary(StringComparer.Ordinal))
    {
    }

    /// <summary>Takes any module whose parameters carry Hugging Face names and shapes.</summary>
    /// <param name="module">The module; its name stands for the path in messages.</param>
    /// <param name="config">The keys of its Hugging Face <c>config.json</c>; copied.</param>
    /// <param name="files">What <see cref="ReadFile"/> finds, by name, such as <c>tokenizer.json</c>.</param>
    /// <exception cref="NotSupportedException">A parameter is not of a floating-point type.</exception>
    public ModuleCheckpoint(
        nn.Module module, JsonObject config, IReadOnlyDictionary<string, byte[]>? files = null)
        : base((module ?? throw new ArgumentNullException(nameof(module))).GetName(), "module")
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = (JsonObject)config.DeepClone();
        _files = new Dictionary<string, byte[]>(files ?? new Dictionary<string, byte[]>(), StringComparer.Ordinal);
        _parameters = module.named_parameters().ToDictionary(
            one => one.name, one => (Tensor)one.parameter, StringComparer.Ordinal);
        Tensors = _parameters.ToDictionary(
            one => one.Key, one => new TensorInfo(one.Key, TypeOf(one.Key, one.Value), one.Value.shape),
            StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public override JsonObject Config { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <inheritdoc/>
    public override byte[]? ReadFile(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _files.GetValueOrDefault(name)?.ToArray();
    }

    /// <summary>Writes a Hugging Face folder: <c>model.safetensors</c>, <c>config.json</c> and the files.</summary>
    /// <remarks>Each file is replaced whole or not at all.</remarks>
    /// <param name="folder">The folder; created where it is missing.</param>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public void Save(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(
            System.IO.Path.Combine(folder, "model.safetensors"),
            [.. _parameters.Select(one => TensorEntries.Of(one.Key, one.Value))]);
        AtomicFile.Write(System.IO.Path.Combine(folder, "config.json"), Config);
        foreach (var (name, content) in _files)
        {
            var path = System.IO.Path.Combine(folder, name);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
            AtomicFile.Write(path, content);
        }
    }

    /// <inheritdoc/>
    protected override void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var untracked = no_grad();
        var size = tensor.Type.BlockBytes();
        while (destination.Length > 0)
        {
            // A range may begin and end inside an element.
            var (first, skipped) = Math.DivRem(start, size);
            var part = destination[..(int)Math.Min(destination.Length, ChunkBytes - skipped)];
            using var scope = NewDisposeScope();
            var elements = _parameters[tensor.Name].reshape(-1)
                .narrow(0, first, (skipped + part.Length + size - 1) / size).cpu();
            elements.bytes.Slice((int)skipped, part.Length).CopyTo(part);
            start += part.Length;
            destination = destination[part.Length..];
        }
    }

    private TensorType TypeOf(string name, Tensor parameter) => parameter.dtype switch
    {
        ScalarType.Float64 => TensorType.F64,
        ScalarType.Float32 => TensorType.F32,
        ScalarType.Float16 => TensorType.F16,
        ScalarType.BFloat16 => TensorType.BF16,
        var type => throw new NotSupportedException(
            $"Parameter '{name}' of module '{Path}' is of type '{type}'; expected Float64, Float32, Float16 or "
            + "BFloat16. Convert it, or register it as a buffer."),
    };
}
