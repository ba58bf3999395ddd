using Slipway.Checkpoints;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Running;

/// <summary>Keeps a stage's best weights, and says when evaluations have stopped to improve.</summary>
/// <remarks>What has been evaluated is the log's, so that a run that goes on stops where an uninterrupted one
/// does.</remarks>
internal static class EarlyStopping
{
    /// <summary>Keeps the weights if the last evaluation is the best so far.</summary>
    /// <returns>Whether so many evaluations have not improved on the best one.</returns>
    public static bool Update(string path, ITrainedModel model, IReadOnlyList<double> losses, int patience)
    {
        var best = Enumerable.Range(0, losses.Count).MinBy(index => losses[index]);
        if (best == losses.Count - 1)
        {
            SafetensorsWriter.Write(
                path, [.. model.TrainableParameters.Select(one => TensorEntries.Of(one.Name, one.Weight))]);
        }

        return losses.Count - 1 - best >= patience;
    }

    /// <summary>Takes the kept weights.</summary>
    public static void Restore(string path, ITrainedModel model)
    {
        using var kept = Checkpoint.Open(path);
        using var untracked = no_grad();
        CheckpointWeights.Load(model.TrainableParameters, kept, "Delete the run's folder to start over.");
    }
}
