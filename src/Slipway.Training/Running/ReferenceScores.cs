using Slipway.Checkpoints;
using Slipway.Training.Data;
using Slipway.Training.Models;

namespace Slipway.Training.Running;

/// <summary>Gets the log-probabilities that the model of a stage's start gives to the stage's answers.</summary>
/// <remarks>
/// They are computed once, before the first step, and kept in the run's folder: a run that goes on has other weights by
/// then.
/// </remarks>
internal static class ReferenceScores
{
    private const string Name = "log_probabilities";

    /// <summary>Sets the reference of pairs that need one.</summary>
    /// <param name="data">The data; others than pairs need nothing.</param>
    /// <param name="path">The file that keeps them.</param>
    /// <param name="model">The model.</param>
    /// <param name="workers">Computes the batches.</param>
    /// <param name="batchSize">The number of pairs of a batch.</param>
    /// <param name="isStart">Whether the model is as the stage starts from it.</param>
    /// <param name="progress">Told, under a lock, how many pairs were computed of how many.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    public static void Prepare(
        StageData? data, string path, ITrainedModel model, ParallelLoss workers, int batchSize, bool isStart,
        Action<int, int> progress, CancellationToken cancellationToken)
    {
        if (data is not PreferenceStageData { NeedsReference: true } pairs)
        {
            return;
        }

        if (isStart)
        {
            pairs.Reference = Score(pairs, (CausalLanguageModel)model, workers, batchSize, progress, cancellationToken);
            SafetensorsWriter.Write(path, [SafetensorsEntry.From(Name, pairs.Reference, pairs.Reference.Length)]);
            return;
        }

        using var kept = Checkpoint.Open(path);
        var scores = new float[2 * pairs.Count];
        if (kept.Tensors.GetValueOrDefault(Name)?.Count != scores.Length)
        {
            throw new TrainingException(
                $"The file '{path}' does not hold the log-probabilities of this run's {pairs.Count} pairs. Delete the "
                + "folder to start over.");
        }

        kept.ReadFloats(Name, 0, scores);
        pairs.Reference = scores;
    }

    private static float[] Score(
        PreferenceStageData pairs, CausalLanguageModel model, ParallelLoss workers, int batchSize,
        Action<int, int> progress, CancellationToken cancellationToken)
    {
        var (scores, done) = (new float[2 * pairs.Count], 0);
        workers.ForEach((pairs.Count + batchSize - 1) / batchSize, index =>
        {
            var first = index * batchSize;
            var count = Math.Min(batchSize, pairs.Count - first);
            pairs.Score(model, first, count).CopyTo(scores, 2 * first);
            lock (scores)
            {
                progress(done += count, pairs.Count);
            }
        }, cancellationToken);
        return scores;
    }
}
