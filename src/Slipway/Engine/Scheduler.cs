namespace Slipway.Engine;

/// <summary>Decides which sequences run next: who waits, who has a row, who must give its row back.</summary>
/// <remarks>Belongs to the engine's thread.</remarks>
internal sealed class Scheduler(CacheSlotAllocator rows)
{
    private readonly List<Sequence> _waiting = [];

    public bool IsIdle => _waiting.Count == 0 && rows.Count == 0;

    public CacheSlotAllocator Rows => rows;

    public void Enqueue(Sequence sequence)
    {
        // Higher priority first, then by arrival; a sequence that lost its row keeps its place.
        var index = _waiting.FindIndex(other => Precedes(sequence, other));
        _waiting.Insert(index < 0 ? _waiting.Count : index, sequence);
    }

    /// <summary>Takes every sequence that the condition holds for out of queue and rows.</summary>
    public List<Sequence> Withdraw(Func<Sequence, bool> condition)
    {
        var withdrawn = _waiting.Where(condition).ToList();
        _waiting.RemoveAll(withdrawn.Contains);
        foreach (var sequence in rows.Active.Where(condition).ToList())
        {
            rows.Remove(sequence);
            withdrawn.Add(sequence);
        }

        return withdrawn;
    }

    /// <summary>Gives rows to waiting sequences, in order, as long as there is room.</summary>
    /// <param name="fail">Ends a sequence for which there is no memory.</param>
    public void Admit(Action<Sequence, Exception> fail)
    {
        while (_waiting.Count > 0)
        {
            var next = _waiting[0];
            try
            {
                if (!rows.TryAdd(next))
                {
                    return;
                }
            }
            catch (OutOfMemoryException e)
            {
                _waiting.RemoveAt(0);
                Requeue(rows.Active.ToList());
                fail(next, e);
                continue;
            }

            _waiting.RemoveAt(0);
            next.LeaveQueue();
            next.Start();
        }
    }

    /// <summary>The sequence whose prompt goes on next; null where none is unfinished.</summary>
    public Sequence? NextPrompt()
    {
        Sequence? next = null;
        foreach (var sequence in rows.Active)
        {
            if (NeedsPrefill(sequence) && !IsAnswering(sequence) && (next is null || Precedes(sequence, next)))
            {
                next = sequence;
            }
        }

        return next;
    }

    /// <summary>Whether a sequence has more to run than a decode step takes.</summary>
    public static bool NeedsPrefill(Sequence sequence) => sequence.UncomputedTokens > 1 || sequence.ScoresEveryPosition;

    /// <summary>Whether several tokens of an answer wait to be run at once.</summary>
    public static bool IsAnswering(Sequence sequence)
        => sequence is { ScoresEveryPosition: false, UncomputedTokens: > 1 }
        && sequence.ComputedTokens >= sequence.PromptLength;

    /// <summary>Makes room for the next tokens of all sequences that have answers; the last to come give way.</summary>
    /// <param name="fail">Ends a sequence for which there is no memory.</param>
    public void GrowOrPreempt(Action<Sequence, Exception> fail)
    {
        foreach (var sequence in rows.Active.ToList())
        {
            try
            {
                while (sequence.Slot >= 0 && !rows.TryGrow(sequence))
                {
                    Requeue([rows.Active.Aggregate((x, y) => Precedes(x, y) ? y : x)]);
                }
            }
            catch (OutOfMemoryException e)
            {
                rows.Remove(sequence);
                Requeue(rows.Active.ToList());
                fail(sequence, e);
            }
        }
    }

    // Their tokens are kept, so they are computed again when there is room, and nothing is lost.
    private void Requeue(List<Sequence> sequences)
    {
        foreach (var sequence in sequences)
        {
            rows.Remove(sequence);
            sequence.ComputedTokens = 0;
            Enqueue(sequence);
        }
    }

    private static bool Precedes(Sequence x, Sequence y)
        => x.Priority != y.Priority ? x.Priority > y.Priority : x.Order < y.Order;
}
