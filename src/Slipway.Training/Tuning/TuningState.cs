using System.Runtime.InteropServices;
using Slipway.Checkpoints;
using Slipway.Training.Optimization;
using Slipway.Training.Running;
using static TorchSharp.torch;

namespace Slipway.Training.Tuning;

/// <summary>Says how far tuning has come, and keeps that in a file with its tensors.</summary>
/// <param name="Steps">Steps taken.</param>
/// <param name="Spent">Time spent by earlier processes.</param>
/// <param name="Before">The divergence before the first step.</param>
/// <param name="Best">The divergence of the kept parameters.</param>
internal sealed record TuningState(int Steps, TimeSpan Spent, double Before, double Best)
{
    private const string Position = "tuning.position";
    private const string FactorPrefix = "factor.", BestPrefix = "best.", OptimizerPrefix = "optimizer.";

    /// <summary>Restores a run, or begins one where there is no file.</summary>
    /// <exception cref="TrainingException">The file is another run's.</exception>
    public static TuningState Read(string? path, TunedConstants constants, Optimizer optimizer)
    {
        if (path is null || !File.Exists(path))
        {
            return new TuningState(0, TimeSpan.Zero, 0, 0);
        }

        using var file = Checkpoint.Open(path);
        var numbers = new long[4];
        Restore(file, Position, MemoryMarshal.AsBytes(numbers.AsSpan()));
        using var untracked = no_grad();
        foreach (var (name, value) in Tensors(constants, optimizer))
        {
            Restore(file, name, value.bytes);
        }

        optimizer.Steps = numbers[0];
        return new TuningState(
            (int)numbers[0], TimeSpan.FromTicks(numbers[1]), BitConverter.Int64BitsToDouble(numbers[2]),
            BitConverter.Int64BitsToDouble(numbers[3]));
    }

    /// <summary>Replaces the file; nothing without one.</summary>
    public void Write(string? path, TunedConstants constants, Optimizer optimizer)
    {
        if (path is null)
        {
            return;
        }

        List<SafetensorsEntry> entries =
        [
            .. Tensors(constants, optimizer).Select(one => new SafetensorsEntry(
                new TensorInfo(one.Name, TensorType.F32, one.Value.shape),
                (start, destination) => one.Value.bytes.Slice((int)start, destination.Length).CopyTo(destination))),
            SafetensorsEntry.From(
                Position,
                new[]
                {
                    Steps, Spent.Ticks, BitConverter.DoubleToInt64Bits(Before), BitConverter.DoubleToInt64Bits(Best),
                }, 4),
        ];
        SafetensorsWriter.Write(path, entries);
    }

    private static IEnumerable<(string Name, Tensor Value)> Tensors(TunedConstants constants, Optimizer optimizer) =>
        constants.Parameters.Select(one => (FactorPrefix + one.Name, (Tensor)one.Weight))
            .Concat(constants.Best.Select(one => (BestPrefix + one.Name, one.Value)))
            .Concat(optimizer.State.Select(one => (OptimizerPrefix + one.Name, one.Value)));

    private static void Restore(Checkpoint file, string name, Span<byte> destination)
    {
        if (!file.Tensors.TryGetValue(name, out var info) || info.ByteLength != destination.Length)
        {
            throw new TrainingException(
                $"The file '{file.Path}' is no state of this tuning: '{name}' is missing or has another size. Delete "
                + "it to begin anew.");
        }

        file.ReadBytes(name, 0, destination);
    }
}
