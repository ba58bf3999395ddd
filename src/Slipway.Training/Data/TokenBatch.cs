using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Data;

/// <summary>
/// Holds the tensors of some sequences of a data set: their tokens, and what is to be predicted where.
/// </summary>
internal sealed class TokenBatch(SequenceLayout layout, long[] ids, long[] positions, long[] targets, long[] sequences)
    : IDisposable
{
    /// <summary>Start of each sequence.</summary>
    public SequenceLayout Layout => layout;

    /// <summary>The number of tokens to predict.</summary>
    public int TargetCount => targets.Length;

    /// <summary>int64 [tokens]</summary>
    public Tensor Ids { get; } = Make(ids);

    /// <summary>int64 [targets]: the tokens whose successor is to be predicted.</summary>
    public Tensor Positions { get; } = Make(positions);

    /// <summary>int64 [targets]: the successors.</summary>
    public Tensor Targets { get; } = Make(targets);

    /// <summary>int64 [targets]: the sequence of each, counted from 0.</summary>
    public Tensor Sequences { get; } = Make(sequences);

    /// <summary>The number of targets of each sequence.</summary>
    public float[] TargetsBySequence()
    {
        var counts = new float[layout.Sequences];
        foreach (var sequence in sequences)
        {
            counts[sequence]++;
        }

        return counts;
    }

    /// <summary>Releases the tensors.</summary>
    public void Dispose()
    {
        layout.Dispose();
        Ids.Dispose();
        Positions.Dispose();
        Targets.Dispose();
        Sequences.Dispose();
    }

    private static Tensor Make(long[] values) => tensor(values).DetachFromDisposeScope();
}
