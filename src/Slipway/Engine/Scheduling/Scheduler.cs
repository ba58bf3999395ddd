using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Telemetry;

namespace Slipway.Engine.Scheduling;

/// <summary>Plans what runs next: which sequences have a slot, and which of their tokens are computed.</summary>
/// <remarks>
/// Plans alternate: slices of what is to be prefilled, then a decode batch of all other sequences. Belongs to the
/// engine's thread.
/// </remarks>
/// <param name="decoder">Limits what runs at once.</param>
/// <param name="slots">Gives the slots.</param>
/// <param name="sizer">Sizes chunks of prompts beside sequences that decode.</param>
/// <param name="speculation">Drafts tokens of sequences that decode.</param>
/// <param name="options">The maximum of tokens of a chunk.</param>
/// <param name="telemetry">Records who lost a slot.</param>
internal sealed class Scheduler(
    IDecoder decoder, CacheSlotAllocator slots, PrefillChunkSizer sizer, SpeculativeDecoding speculation,
    LanguageModelOptions options, ModelTelemetry telemetry)
{
    private readonly List<Sequence> _waiting = [];
    private bool _isDecodeNext;

    public bool IsIdle => _waiting.Count == 0 && slots.Count == 0;

    /// <summary>Tells whether sequences wait and none runs: other models hold the memory.</summary>
    public bool IsBlocked => _waiting.Count > 0 && slots.Count == 0;

    /// <summary>Puts a sequence into the queue: a higher priority first, then by arrival.</summary>
    public void Enqueue(Sequence sequence)
    {
        // A sequence that lost its slot keeps its place.
        var index = _waiting.FindIndex(other => Precedes(sequence, other));
        _waiting.Insert(index < 0 ? _waiting.Count : index, sequence);
    }

    /// <summary>Takes every sequence that the condition holds for out of queue and slots.</summary>
    public List<Sequence> Withdraw(Func<Sequence, bool> condition)
    {
        var withdrawn = _waiting.Where(condition).ToList();
        _waiting.RemoveAll(withdrawn.Contains);
        foreach (var sequence in slots.Active.Where(condition).ToList())
        {
            slots.Remove(sequence);
            withdrawn.Add(sequence);
        }

        return withdrawn;
    }

    /// <summary>Admits sequences that wait, makes room for those that run, and plans the next runs.</summary>
    /// <param name="fail">Ends a sequence for which there is no memory.</param>
    public IReadOnlyList<ScheduledRun> Schedule(Action<Sequence, Exception> fail)
    {
        var size = (decoder.Slots, decoder.Capacity);
        Admit(fail);
        GrowOrPreempt(fail);
        RestartBeyondLongRopeThreshold();

        // Where slots were moved to make room, the sequences that decode have waited for that already.
        var isMoved = size != (decoder.Slots, decoder.Capacity);
        if (!(_isDecodeNext && AnyDecodes())
            && SchedulePrefill(withPrompt: !isMoved || !AnyDecodes()) is { Count: > 0 } slices)
        {
            _isDecodeNext = true;
            return slices;
        }

        _isDecodeNext = false;
        return ScheduleDecode(except: null);
    }

    /// <summary>
    /// Plans slices of the sequences whose answers have forced tokens, which do not wait for others' prompts.
    /// </summary>
    public IReadOnlyList<ScheduledRun> ScheduleForcedTokens() => SchedulePrefill(withPrompt: false);

    /// <summary>Plans one token of each sequence that decodes, and the verification of drafts.</summary>
    /// <param name="except">A prompt whose run is interrupted, though a single token of it may be left; null for
    /// none.</param>
    public IReadOnlyList<ScheduledRun> ScheduleDecode(Sequence? except)
    {
        var decoding = slots.Active
            .Where(sequence => !sequence.NeedsPrefill && sequence != except && !sequence.IsCancelled).ToArray();
        var drafts = speculation.Propose(decoding);
        Sequence[] batch =
        [
            .. decoding.Except(drafts.Select(draft => draft.Sequences[0])).Where(sequence => sequence.Slot >= 0),
        ];
        return batch.Length > 0 ? [new DecodeBatch(batch), .. drafts] : drafts;
    }

    private List<PrefillSlice> SchedulePrefill(bool withPrompt)
    {
        var sequences = slots.Active.Where(sequence => sequence.HasForcedTokens).ToList();
        if (withPrompt && NextPrompt() is { } next)
        {
            sequences.Add(next);
        }

        return sequences.ConvertAll(NextSlice);
    }

    private PrefillSlice NextSlice(Sequence sequence)
    {
        // Those with forced tokens run before a prompt of the same plan, and decode after that.
        var isAlone = !AnyDecodes() && (sequence.HasForcedTokens || !slots.Active.Any(other => other.HasForcedTokens));
        var max = isAlone ? options.MaxPrefillTokens
            : decoder.CanInterruptPrefill ? sizer.NextInterruptible(options.MaxMixedPrefillTokens)
            : sizer.Next(options.MaxMixedPrefillTokens);
        var limit = sequence.ScoresEveryPosition ? decoder.MaxScoredTokens : decoder.MaxPrefillTokens;
        return new PrefillSlice(
            sequence, Math.Min(max, limit), isInterruptible: !isAlone && decoder.CanInterruptPrefill);
    }

    private bool AnyDecodes() => slots.Active.Any(sequence => !sequence.NeedsPrefill);

    private Sequence? NextPrompt()
        => slots.Active.Where(sequence => sequence.NeedsPrefill && !sequence.HasForcedTokens)
            .Aggregate((Sequence?)null, (first, next) => first is null || Precedes(next, first) ? next : first);

    private void Admit(Action<Sequence, Exception> fail)
    {
        while (_waiting.Count > 0)
        {
            var next = _waiting[0];
            try
            {
                if (!slots.TryAdd(next))
                {
                    if (slots.Count > 0 || !slots.NeverFits(next))
                    {
                        return;
                    }

                    _waiting.RemoveAt(0);
                    fail(next, new MemoryBudgetException(
                        $"A sequence of '{next.Reservation}' tokens fits no more beside the weights and adapters that "
                        + "share the budget. Send a shorter one, or load fewer models."));
                    continue;
                }
            }
            catch (OutOfMemoryException e)
            {
                _waiting.RemoveAt(0);
                Requeue(slots.Active.ToList());
                fail(next, e);
                continue;
            }

            _waiting.RemoveAt(0);
            next.LeaveQueue();
            next.Start();
        }
    }

    // Where the budget has no room for the next tokens, the sequences that came last lose their slots.
    private void GrowOrPreempt(Action<Sequence, Exception> fail)
    {
        foreach (var sequence in slots.Active.ToList())
        {
            try
            {
                while (sequence.Slot >= 0 && !slots.TryGrow(sequence))
                {
                    var last = slots.Active.Aggregate((x, y) => Precedes(x, y) ? y : x);
                    telemetry.Preempted(last.Tokens.Length);
                    Requeue([last]);
                }
            }
            catch (OutOfMemoryException e)
            {
                slots.Remove(sequence);
                Requeue(slots.Active.ToList());
                fail(sequence, e);
            }
        }
    }

    // A sequence that outgrew the first set of rotary frequencies is computed again with the second.
    private void RestartBeyondLongRopeThreshold()
    {
        foreach (var sequence in slots.Active)
        {
            if (sequence is { ComputedTokens: > 0, UsesLongRope: false }
                && sequence.Tokens.Length > decoder.LongRopeThreshold)
            {
                sequence.ComputedTokens = 0;
            }
        }
    }

    // Their tokens are kept, so they are computed again when there is room, and nothing is lost.
    private void Requeue(List<Sequence> sequences)
    {
        foreach (var sequence in sequences)
        {
            slots.Remove(sequence);
            sequence.ComputedTokens = 0;
            Enqueue(sequence);
        }

        // Two models that each wait for what the other holds would wait for ever.
        if (sequences.Count > 0 && slots.Count == 0)
        {
            slots.Release();
        }
    }

    private static bool Precedes(Sequence x, Sequence y)
        => x.Priority != y.Priority ? x.Priority > y.Priority : x.Order < y.Order;
}

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
