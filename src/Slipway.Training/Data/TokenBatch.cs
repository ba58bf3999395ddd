using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Data;

/// <summary>
/// Holds the tensors of some sequences of a data set: their tokens, and what is to be predicted where.
/// </summary>
internal sealed class TokenBatch : IDisposable
{
    /// <summary>Gathers sequences.</summary>
    /// <param name="data">Holds the sequences.</param>
    /// <param name="sequences">Which of them, in their order.</param>
    public TokenBatch(StageDataset data, ReadOnlySpan<int> sequences)
    {
        var (ids, positions, targets) = (new List<long>(), new List<long>(), new List<long>());
        var lengths = new int[sequences.Length];
        for (var index = 0; index < lengths.Length; index++)
        {
            var tokens = data.Ids(sequences[index]);
            lengths[index] = tokens.Length - 1;   // the last token has no successor
            for (var token = 0; token < tokens.Length - 1; token++)
            {
                if (data.Learns(sequences[index], token + 1))
                {
                    positions.Add(ids.Count);
                    targets.Add(tokens[token + 1]);
                }

                ids.Add(tokens[token]);
            }
        }

        Layout = new SequenceLayout(lengths);
        TargetCount = targets.Count;
        Ids = tensor(ids.ToArray()).DetachFromDisposeScope();
        Positions = tensor(positions.ToArray()).DetachFromDisposeScope();
        Targets = tensor(targets.ToArray()).DetachFromDisposeScope();
    }

    /// <summary>Start of each sequence.</summary>
    public SequenceLayout Layout { get; }

    /// <summary>The number of tokens to predict.</summary>
    public int TargetCount { get; }

    /// <summary>int64 [tokens]</summary>
    public Tensor Ids { get; }

    /// <summary>int64 [targets]: the tokens whose successor is to be predicted.</summary>
    public Tensor Positions { get; }

    /// <summary>int64 [targets]: the successors.</summary>
    public Tensor Targets { get; }

    /// <summary>Releases the tensors.</summary>
    public void Dispose()
    {
        Layout.Dispose();
        Ids.Dispose();
        Positions.Dispose();
        Targets.Dispose();
    }
}
