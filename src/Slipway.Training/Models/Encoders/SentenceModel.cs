using Slipway.Checkpoints;
using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models.Encoders;

/// <summary>Embeds texts by an encoder whose states are pooled, and scaled to length 1 where it says so.</summary>
/// <remarks>
/// Saved and exported with the files of Sentence Transformers, by which the package's embeddings are these. The encoder
/// belongs to the instance. One thread at a time may use it.
/// </remarks>
public sealed class SentenceModel : IDisposable, ITrainedModel
{
    /// <summary>Takes an encoder.</summary>
    /// <param name="encoder">The encoder, whose task is <see cref="EncoderTask.States"/>.</param>
    /// <param name="pooling">How one vector is made of a text's states.</param>
    /// <param name="normalizes">Whether vectors are scaled to length 1.</param>
    /// <exception cref="ArgumentException">The encoder has another task.</exception>
    public SentenceModel(
        EncoderModel encoder, SentencePooling pooling = SentencePooling.Mean, bool normalizes = true)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        (Encoder, Pooling, Normalizes) = (encoder, pooling, normalizes);
        if (encoder.Config.Task != EncoderTask.States)
        {
            throw new ArgumentException(
                $"The encoder computes '{encoder.Config.Task}'; sentence embeddings are made of its states. Load it "
                + $"with the task {nameof(EncoderTask.States)}.", nameof(encoder));
        }
    }

    /// <summary>The encoder.</summary>
    public EncoderModel Encoder { get; }

    /// <summary>The way one vector is made of a text's states.</summary>
    public SentencePooling Pooling { get; }

    /// <summary>Tells whether vectors are scaled to length 1.</summary>
    public bool Normalizes { get; }

    IReadOnlyList<(string Name, Parameter Weight)> ITrainedModel.TrainableParameters => Encoder.TrainableParameters;

    ScalarType ITrainedModel.ComputeType
    {
        get => Encoder.ComputeType;
        set => Encoder.ComputeType = value;
    }

    bool ITrainedModel.GradientCheckpointing
    {
        get => Encoder.GradientCheckpointing;
        set => Encoder.GradientCheckpointing = value;
    }

    /// <summary>The start's own length and case, as its file has them; null for none.</summary>
    internal byte[]? Settings { get; init; }

    /// <summary>The files beside the weights that say how a vector is made, by name.</summary>
    public IReadOnlyDictionary<string, byte[]> Files => SentenceFiles.Write(this);

    /// <summary>Loads a checkpoint: pooling and scaling as its <c>modules.json</c> says, the mean scaled to length 1
    /// where it has none.</summary>
    /// <param name="checkpoint">The checkpoint of any task, which stays the caller's.</param>
    /// <exception cref="CheckpointException">A file is damaged, or a tensor missing.</exception>
    /// <exception cref="NotSupportedException">The architecture or a module cannot be trained.</exception>
    public static SentenceModel Load(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var (pooling, normalizes) = SentenceFiles.Read(checkpoint);
        return new SentenceModel(EncoderModel.Load(checkpoint, EncoderTask.States), pooling, normalizes)
        {
            Settings = checkpoint.ReadFile(SentenceFiles.Settings),
        };
    }

    /// <summary>Embeds unpadded texts.</summary>
    /// <param name="ids">int64 [tokens], with the special tokens that the tokenizer puts around a text.</param>
    /// <param name="layout">Where each text starts.</param>
    /// <returns>float32 [texts, hidden_size]</returns>
    public Tensor Embed(Tensor ids, SequenceLayout layout)
    {
        using var scope = NewDisposeScope();
        var pooled = SentencePoolings.Of(Pooling).Apply(Encoder.HiddenStates(ids, layout), layout);
        return (Normalizes ? nn.functional.normalize(pooled, 2, -1, 1e-12) : pooled).MoveToOuterDisposeScope();
    }

    void ITrainedModel.Save(string folder, ScalarType type)
    {
        ((ITrainedModel)Encoder).Save(folder, type);
        foreach (var (name, content) in Files)
        {
            var path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            AtomicFile.Write(path, content);
        }
    }

    /// <summary>Releases the encoder.</summary>
    public void Dispose() => Encoder.Dispose();
}
