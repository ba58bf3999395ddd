using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Losses;

/// <summary>Computes the log-probabilities of chosen tokens.</summary>
public static class TokenLogProbabilities
{
    /// <summary>Computes the log-probability of each target.</summary>
    /// <param name="logits">float32 [targets, vocab_size]</param>
    /// <param name="targets">int64 [targets]</param>
    /// <returns>float32 [targets], nats</returns>
    public static Tensor Of(Tensor logits, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(targets);
        using var scope = NewDisposeScope();
        return (logits.gather(1, targets.unsqueeze(1)).squeeze(1) - logits.logsumexp(-1)).MoveToOuterDisposeScope();
    }

    /// <summary>Sums values of tokens by the sequence that they belong to.</summary>
    /// <param name="values">float32 [targets]</param>
    /// <param name="sequences">int64 [targets]: the sequence of each, counted from 0.</param>
    /// <param name="count">The number of sequences.</param>
    /// <returns>float32 [count]</returns>
    public static Tensor SumBySequence(Tensor values, Tensor sequences, int count)
    {
        ArgumentNullException.ThrowIfNull(values);
        using var scope = NewDisposeScope();
        return zeros(count, device: values.device).PlusRows(sequences, values).MoveToOuterDisposeScope();
    }
}
