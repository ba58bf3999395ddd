namespace Slipway.Engine.Scheduling;

/// <summary>Describes one run of the model that the scheduler planned.</summary>
/// <param name="sequences">The sequences whose tokens it runs.</param>
internal abstract class ScheduledRun(params Sequence[] sequences)
{
    public Sequence[] Sequences { get; } = sequences;

    /// <summary>The sequence whose cancellation ends the run; null where it is not for one alone.</summary>
    public virtual Sequence? Cancellable => Sequences[0];
}

/// <summary>The next tokens of one sequence that has several to run.</summary>
/// <param name="sequence">The sequence.</param>
/// <param name="maxTokens">The maximum of tokens.</param>
/// <param name="isInterruptible">Whether steps of others may come between its kernels.</param>
internal sealed class PrefillSlice(Sequence sequence, int maxTokens, bool isInterruptible) : ScheduledRun(sequence)
{
    public int MaxTokens => maxTokens;

    public bool IsInterruptible => isInterruptible;
}

/// <summary>One token of each of several sequences.</summary>
internal sealed class DecodeBatch(Sequence[] sequences) : ScheduledRun(sequences)
{
    public override Sequence? Cancellable => null;
}

/// <summary>The next token of one sequence and the draft of those after it.</summary>
internal sealed class DraftVerification(Sequence sequence, ReadOnlyMemory<int> draft) : ScheduledRun(sequence)
{
    /// <summary>The tokens to run: the sequence's next one, then the draft.</summary>
    public int[] Tokens { get; } = [sequence.Tokens[sequence.ComputedTokens], .. draft.Span];

    /// <summary>Tokens that the sequence's slot held when the draft was made.</summary>
    public int Start { get; } = sequence.ComputedTokens;
}
