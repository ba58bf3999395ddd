using System.Diagnostics;
using Slipway.Engine;
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
    private bool _isPrompt;

    public int Rows => inner.Rows;

    public int Capacity => inner.Capacity;

    public bool CanInterrupt => faults.OfferBreaks || inner.CanInterrupt;

    public int MaxChunk => inner.MaxChunk;

    public int MaxScoredChunk => inner.MaxScoredChunk;

    public long GrowingTokenBytes => inner.GrowingTokenBytes;

    public long WindowTokenBytes => inner.WindowTokenBytes;

    public long BytesFor(int rows, int capacity) => inner.BytesFor(rows, capacity);

    public int WindowStart(int length) => inner.WindowStart(length);

    public int FirstHeld(int row) => inner.FirstHeld(row);

    public int MaxDraft(int length) => inner.MaxDraft(length);

    public void ReadWindow(int row, int start, int count, NativeBuffer destination)
        => inner.ReadWindow(row, start, count, destination);

    public void WriteWindow(int row, int length, int start, int count, NativeBuffer source)
        => inner.WriteWindow(row, length, start, count, source);

    public void Resize(int rows, int capacity, ReadOnlySpan<int> lengths)
    {
        faults.Calls.Add("resize");
        if (faults.FailResizes-- > 0)
        {
            inner.Resize(0, 0, []);
            throw new InsufficientMemoryException();
        }

        if (faults.ImpossibleResizes-- > 0)
        {
            (rows, capacity) = (1 << 20, 1 << 28);
        }

        inner.Resize(rows, capacity, lengths);
    }

    public void Adapt(ReadOnlySpan<int> ids) => inner.Adapt(ids);

    public void Plan(int length) => inner.Plan(length);

    public void BeginChunk(bool isPrompt)
    {
        _isPrompt = isPrompt;
        inner.BeginChunk(isPrompt);
    }

    public void ReadTokens(int row, int start, int count, NativeBuffer destination)
    {
        if (faults.FailReads > 0)
        {
            faults.FailReads--;
            throw new InvalidOperationException("read fault");
        }

        inner.ReadTokens(row, start, count, destination);
    }

    public void WriteTokens(int row, int start, int count, NativeBuffer source)
        => inner.WriteTokens(row, start, count, source);

    public void CopyRow(int from, int to, int length) => inner.CopyRow(from, to, length);

    public ReadOnlySpan<float> Prefill(int row, int start, ReadOnlySpan<int> tokens, bool every)
    {
        faults.Calls.Add("prefill");
        if (faults.FailPrefill(tokens.ToArray()))
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
        if (faults.OfferBreaks && _isPrompt)
        {
            OfferBreaks();
        }

        try
        {
            var logits = inner.Prefill(row, start, tokens, every);
            faults.Calls.Add("prefilled");
            return logits;
        }
        catch (Exception e)
        {
            faults.Ended = e;
            throw;
        }
    }

    public ReadOnlySpan<float> Decode(ReadOnlySpan<int> tokens, ReadOnlySpan<int> lengths)
    {
        faults.Calls.Add("decode");
        if (faults.FailDecodes > 0)
        {
            faults.FailDecodes--;
            throw new InvalidOperationException("decode fault");
        }

        return inner.Decode(tokens, lengths);
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

    // A turn takes a while.
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
