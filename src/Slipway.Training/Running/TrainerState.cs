using System.Runtime.InteropServices;
using System.Text;
using Slipway.Checkpoints;
using Slipway.Training.Models;
using Slipway.Training.Optimization;
using static TorchSharp.torch;

namespace Slipway.Training.Running;

/// <summary>Says how far a run has come.</summary>
/// <param name="Stage">The stage under way, counted from 0.</param>
/// <param name="Step">The steps taken in it.</param>
/// <param name="Tokens">The tokens gone through in all stages.</param>
internal readonly record struct TrainerPosition(int Stage, long Step, long Tokens);

/// <summary>
/// Writes and reads everything that a run needs to go on: one file, so that it is whole or the older one.
/// </summary>
internal static class TrainerState
{
    private const string Position = "trainer.position";
    private const string Fingerprint = "trainer.fingerprint";
    private const string OptimizerPrefix = "optimizer.";

    public static void Write(
        string path, ITrainedModel model, Optimizer optimizer, TrainerPosition position, string fingerprint)
    {
        var tensors = model.TrainableParameters.Select(one => (one.Name, (Tensor)one.Weight))
            .Concat(optimizer.State.Select(one => (OptimizerPrefix + one.Name, one.Value)));
        var entries = tensors.Select(one => TensorEntries.Of(one.Item1, one.Item2)).ToList();
        entries.Add(SafetensorsEntry.From(
            Position, new[] { position.Stage, position.Step, position.Tokens, optimizer.Steps }, 4));
        var text = Encoding.ASCII.GetBytes(fingerprint);
        entries.Add(SafetensorsEntry.From(Fingerprint, text, text.Length));
        SafetensorsWriter.Write(path, entries);
    }

    /// <summary>Restores weights and optimizer; the file must be of a run with the same fingerprint.</summary>
    public static TrainerPosition Read(
        string path, ITrainedModel model, Func<int, Optimizer> create, string fingerprint,
        out Optimizer optimizer)
    {
        using var state = Checkpoint.Open(path);
        Check(state, fingerprint);
        var numbers = new long[4];
        state.ReadBytes(Position, 0, MemoryMarshal.AsBytes(numbers.AsSpan()));
        optimizer = create((int)numbers[0]);
        optimizer.Steps = numbers[3];
        using var untracked = no_grad();
        foreach (var (name, value) in model.TrainableParameters.Select(one => (one.Name, (Tensor)one.Weight))
            .Concat(optimizer.State.Select(one => (OptimizerPrefix + one.Name, one.Value))))
        {
            Restore(state, name, value);
        }

        return new TrainerPosition((int)numbers[0], numbers[1], numbers[2]);
    }

    /// <summary>Refuses a file of a run of another recipe; none at all is well.</summary>
    /// <exception cref="TrainingException">It is of another recipe.</exception>
    public static void CheckFingerprint(string path, string fingerprint)
    {
        if (File.Exists(path))
        {
            using var state = Checkpoint.Open(path);
            Check(state, fingerprint);
        }
    }

    private static void Check(Checkpoint state, string fingerprint)
    {
        var saved = new byte[Info(state, Fingerprint).Count];
        state.ReadBytes(Fingerprint, 0, saved);
        if (Encoding.ASCII.GetString(saved) != fingerprint)
        {
            throw new TrainingException(
                $"The folder '{Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath(state.Path)))}' holds a "
                + "run of another recipe. Choose another 'output', or delete the folder to start over.");
        }
    }

    private static void Restore(Checkpoint state, string name, Tensor value)
    {
        var info = Info(state, name);
        if (info.Type != TensorType.F32 || !info.Shape.SequenceEqual(value.shape))
        {
            throw new CheckpointException(
                $"Tensor '{name}' of '{state.Path}' is {info.Type} [{string.Join(", ", info.Shape)}]; expected F32 "
                + $"[{string.Join(", ", value.shape)}]. Delete the folder to start over.", state.Path, name);
        }

        state.ReadBytes(name, 0, value.bytes);
    }

    private static TensorInfo Info(Checkpoint state, string name) => state.Tensors.TryGetValue(name, out var info)
        ? info
        : throw new CheckpointException(
            $"The trainer state '{state.Path}' holds no tensor '{name}'. Delete the folder to start over.",
            state.Path, name);
}
