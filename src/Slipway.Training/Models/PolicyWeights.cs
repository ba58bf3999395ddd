using Slipway.Checkpoints;

namespace Slipway.Training.Models;

/// <summary>Shows a model that is being trained as a checkpoint, its adapter merged.</summary>
/// <remarks>The model must not change while it is read.</remarks>
internal sealed class PolicyWeights : IDisposable
{
    private readonly string? _folder;

    /// <summary>Opens the weights as they are now.</summary>
    /// <param name="model">The model.</param>
    /// <param name="files">Tokenizer and chat template, by file name.</param>
    /// <exception cref="CheckpointException">The adapter is none that can be merged.</exception>
    public PolicyWeights(CausalLanguageModel model, IReadOnlyDictionary<string, byte[]> files)
    {
        Checkpoint = new ModuleCheckpoint(model, model.Config.ToJson(), files);
        if (model.Adapter is not { } adapter)
        {
            return;
        }

        // The factors are read as they are merged, so the folder stays until the checkpoint is closed.
        _folder = Directory.CreateTempSubdirectory("slipway-adapter-").FullName;
        try
        {
            adapter.Save(_folder);
            Checkpoint = LoraAdapter.Open(_folder).MergeInto(Checkpoint);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The model as a checkpoint.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>Closes the checkpoint and leaves the model be.</summary>
    public void Dispose()
    {
        Checkpoint.Dispose();
        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }
}
