using System.Diagnostics;
using Slipway.Engine.Execution;
using Slipway.Kernels.Threading;

namespace Slipway.Tests.Engine;

/// <summary>What goes wrong in a <see cref="FaultyDecoder"/>, and when.</summary>
internal sealed class Faults
{
    public Func<int[], bool> FailPrefill { get; init; } = _ => false;

    public Action? BeforePrefill { get; set; }

    /// <summary>Whether runs of prompts offer breaks before they begin, until others have made a step in one.</summary>
    public volatile bool OfferBreaks;

    /// <summary>Called before each of them.</summary>
    public Action? BeforeBreak { get; set; }

    public int FailDecodes { get; set; }

    public int FailResizes { get; set; }

    /// <summary>Changes of size that ask the machine for more than it can address.</summary>
    public int ImpossibleResizes { get; set; }

    public int FailReads { get; set; }

    /// <summary>What was called, in order.</summary>
    public List<string> Calls { get; } = [];

    public volatile bool BlockPrefill;

    public ManualResetEventSlim PrefillEntered { get; } = new();

    public ManualResetEventSlim Terminated { get; } = new();

    /// <summary>What ended the last prompt's run; null where it came to its end.</summary>
    public Exception? Ended { get; set; }
}

/// <summary>Calls an action on the engine's thread when an answer has a number of tokens.</summary>
internal sealed class Trigger(int afterTokens, Action action) : ILogitsProcessor
{
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        if (outputIds.Length == afterTokens)
        {
            action();
        }
    }
}

/// <summary>A decoder that fails when told to.</summary>
internal sealed class FaultyDecoder(IDecoder inner, Faults faults) : IDecoder
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    public int Slots => inner.Slots;

    public int Capacity => inner.Capacity;

    public bool CanInterruptPrefill => faults.OfferBreaks || inner.CanInterruptPrefill;

    public int MaxPrefillTokens => inner.MaxPrefillTokens;

    public int MaxScoredTokens => inner.MaxScoredTokens;

    public long GrowingTokenBytes => inner.GrowingTokenBytes;

    public long WindowTokenBytes => inner.WindowTokenBytes;

    public long BytesFor(int slots, int capacity) => inner.BytesFor(slots, capacity);

    public int WindowStart(int length) => inner.WindowStart(length);

    public int FirstHeld(int slot) => inner.FirstHeld(slot);

    public int MaxDraft(int length) => inner.MaxDraft(length);

    public void ReadWindow(int slot, int start, int count, NativeBuffer destination)
        => inner.ReadWindow(slot, start, count, destination);

    public void WriteWindow(int slot, int length, int start, int count, NativeBuffer source)
        => inner.WriteWindow(slot, length, start, count, source);

    public void Resize(int slots, int capacity, ReadOnlySpan<int> lengths)
    {
        faults.Calls.Add("resize");
        if (faults.FailResizes-- > 0)
        {
            inner.Resize(0, 0, []);
            throw new InsufficientMemoryException();
        }

        if (faults.ImpossibleResizes-- > 0)
        {
            (slots, capacity) = (1 << 20, 1 << 28);
        }

        inner.Resize(slots, capacity, lengths);
    }

    public void ReadTokens(int slot, int start, int count, NativeBuffer destination)
    {
        if (faults.FailReads > 0)
        {
            faults.FailReads--;
            throw new InvalidOperationException("read fault");
        }

        inner.ReadTokens(slot, start, count, destination);
    }

    public void WriteTokens(int slot, int start, int count, NativeBuffer source)
        => inner.WriteTokens(slot, start, count, source);

    public void CopySlot(int from, int to, int length) => inner.CopySlot(from, to, length);

    public ReadOnlySpan<float> Prefill(scoped in PrefillRun run)
    {
        faults.Calls.Add("prefill");
        if (faults.FailPrefill(run.Tokens.ToArray()))
        {
            throw new InvalidOperationException("prefill fault");
        }

        if (faults.BlockPrefill)
        {
            faults.PrefillEntered.Set();
            faults.Terminated.Wait();
            throw new InvalidOperationException("ended by the terminate flag");
        }

        faults.BeforePrefill?.Invoke();
        if (faults.OfferBreaks && run.IsInterruptible)
        {
            OfferBreaks();
        }

        try
        {
            var logits = inner.Prefill(run);
            faults.Calls.Add("prefilled");
            return logits;
        }
        catch (Exception e)
        {
            faults.Ended = e;
            throw;
        }
    }

    public ReadOnlySpan<float> Decode(scoped in DecodeRun run)
    {
        faults.Calls.Add("decode");
        if (faults.FailDecodes > 0)
        {
            faults.FailDecodes--;
            throw new InvalidOperationException("decode fault");
        }

        return inner.Decode(run);
    }

    public void Terminate(bool terminate)
    {
        if (terminate)
        {
            faults.Terminated.Set();
        }

        inner.Terminate(terminate);
    }

    public void Dispose() => inner.Dispose();

    // A slice takes a while.
    private void OfferBreaks()
    {
        var calls = faults.Calls.Count;
        for (var since = Stopwatch.StartNew(); faults.Calls.Count == calls && since.Elapsed < LongestWait;)
        {
            faults.BeforeBreak?.Invoke();
            KernelYield.YieldPoint();
        }
    }
}
