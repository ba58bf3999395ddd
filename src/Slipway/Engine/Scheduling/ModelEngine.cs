using System.Diagnostics;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Speculation;
using Slipway.Telemetry;

namespace Slipway.Engine.Scheduling;

/// <summary>Steps the sequences of one model on a thread of its own.</summary>
/// <remarks>
/// Sequences arrive over a channel, join and leave between steps, and are failed alone where a step of theirs fails.
/// </remarks>
internal sealed class ModelEngine : IDisposable
{
    /// <summary>Time for which slots that no sequence uses stay allocated.</summary>
    public static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan BlockedTime = TimeSpan.FromMilliseconds(2);

    private readonly EngineInbox _inbox = new();
    private readonly IDecoder _decoder;
    private readonly DraftModel? _draftModel;
    private readonly LanguageModelOptions _options;
    private readonly ModelTelemetry _telemetry;
    private readonly int _vocabularySize;
    private readonly KeyValueBudget _budget;
    private readonly PrefixCache _prefixes;
    private readonly PrefixCacheWriter _prefixWriter;
    private readonly CacheSlotAllocator _slots;
    private readonly PrefillChunkSizer _sizer = new();
    private readonly RunGuard _guard;
    private readonly Scheduler _scheduler;
    private readonly ModelRunner _runner;
    private readonly Thread _thread;
    private long _order;
    private int _queued;
    private long _keyValueBytes;
    private long _adapterBytes;
    private int _running;

    /// <param name="decoder">Runs the model; disposed with the engine.</param>
    /// <param name="vocabularySize">Logits of one token.</param>
    /// <param name="options">How the model is to run.</param>
    /// <param name="budget">The maximum of bytes of keys and values; disposed with the engine.</param>
    /// <param name="telemetry">Records what happens.</param>
    /// <param name="draftModel">Drafts tokens; disposed with the engine; null for none.</param>
    /// <param name="weights">The files of the weights; null where none are watched.</param>
    public ModelEngine(
        IDecoder decoder, int vocabularySize, LanguageModelOptions options, KeyValueBudget budget,
        ModelTelemetry telemetry, DraftModel? draftModel = null, WeightFiles? weights = null)
    {
        (_decoder, _draftModel, _options, _telemetry) = (decoder, draftModel, options, telemetry);
        (_vocabularySize, _budget) = (vocabularySize, budget);
        telemetry.Observe(() => Queued, () => Running, () => KeyValueBytes);
        _prefixes = new PrefixCache(decoder, budget);
        _slots = new CacheSlotAllocator(decoder, _prefixes, budget, options.MaxBatchSize);
        _prefixWriter = new PrefixCacheWriter(decoder, _prefixes, _slots);
        _guard = new RunGuard(decoder, draftModel, Fail, weights);
        var speculation = new SpeculativeDecoding(decoder, draftModel, options.DraftBatchSize, _sizer, _guard);
        _scheduler = new Scheduler(decoder, _slots, _sizer, speculation, options, telemetry);
        var interleaver = new PrefillInterleaver(decoder, _slots, _sizer, RunInterleavedDecode);
        _runner = new ModelRunner(decoder, _slots, _prefixWriter, interleaver);
        _thread = new Thread(Run) { IsBackground = true, Name = "Slipway engine" };
        _thread.Start();
    }

    /// <summary>Requests that wait; safe from any thread.</summary>
    public int Queued => Volatile.Read(ref _queued);

    /// <summary>Requests that have a slot; safe from any thread.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Bytes of keys and values, known prefixes included; safe from any thread.</summary>
    public long KeyValueBytes => Volatile.Read(ref _keyValueBytes);

    // One step: a plan of what runs next, its runs, and what their logits make of the sequences.
    private void Step()
    {
        GiveBack();
        WithdrawCancelled();
        var plan = _scheduler.Schedule(Fail);
        Execute(plan);
        MeasureKeyValues();
        if (plan.Count == 0 && _scheduler.IsBlocked)
        {
            // Other models hold the memory; they were asked for it, and arrivals and cancellations go on meanwhile.
            // Drafts are for speed alone.
            _draftModel?.Release();
            Thread.Sleep(BlockedTime);
        }
    }

    private void MeasureKeyValues()
    {
        Volatile.Write(ref _running, _slots.Count);
        Volatile.Write(
            ref _keyValueBytes,
            _decoder.BytesFor(_decoder.Slots, _decoder.Capacity) + _prefixes.Bytes + (_draftModel?.Bytes ?? 0));
    }

    private void GiveBack()
    {
        if (_slots.GiveBack())
        {
            _draftModel?.Release();
            var before = KeyValueBytes;
            MeasureKeyValues();
            _telemetry.GaveBack(before - KeyValueBytes, "another model needs them");
        }
    }

    // Called by the interleaver, while a slice of the prompt's runs.
    private void RunInterleavedDecode(Sequence prompt)
    {
        Execute(_scheduler.ScheduleForcedTokens());
        Execute(_scheduler.ScheduleDecode(except: prompt));
    }

    private void Execute(IReadOnlyList<ScheduledRun> plan)
    {
        foreach (var run in plan)
        {
            _guard.Run(run.Cancellable, run.Sequences, () => RunAndCommit(run));
        }
    }

    // Logits are the decoder's own memory until its next run, so each run is committed before the next.
    private void RunAndCommit(ScheduledRun run)
    {
        switch (run)
        {
            case PrefillSlice slice:
                var prefilled = _runner.Run(slice, out var count);
                slice.Sequences[0].ComputedTokens += count;
                Advance(slice.Sequences[0], slice.Sequences[0].ComputedTokens - count, prefilled);
                break;
            case DraftVerification verification:
                _telemetry.Step(1);
                SpeculativeDecoding.Verify(verification, _runner.Run(verification), _vocabularySize, Advance);
                break;
            case DecodeBatch batch:
                _telemetry.Step(batch.Sequences.Length);
                var started = Stopwatch.GetTimestamp();
                CommitDecode(batch, _runner.Run(batch));
                _sizer.ObserveDecode(
                    Stopwatch.GetElapsedTime(started), batch.Sequences.Length,
                    isQuiet: !_slots.Active.Any(sequence => sequence.NeedsPrefill));

                // Whoever reads the tokens may wait for this core.
                Thread.Yield();
                break;
        }
    }

    private void CommitDecode(DecodeBatch batch, ReadOnlySpan<float> logits)
    {
        foreach (var sequence in batch.Sequences)
        {
            sequence.ComputedTokens++;
        }

        foreach (var sequence in batch.Sequences)
        {
            var own = logits.Slice(sequence.Slot * _vocabularySize, _vocabularySize);
            Advance(sequence, sequence.ComputedTokens - 1, own);
        }
    }

    private void Advance(Sequence sequence, int start, ReadOnlySpan<float> logits)
    {
        try
        {
            if (sequence.Advance(start, logits))
            {
                _prefixWriter.Store(sequence);
                _slots.Remove(sequence);
            }
        }
#pragma warning disable CA1031 // A caller's processor may throw anything; only its own request may suffer.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Fail(other => other == sequence, e);
        }
    }

    /// <summary>Hands a sequence to the engine; safe from any thread.</summary>
    /// <exception cref="QueueFullException">The queue has no room.</exception>
    /// <exception cref="ObjectDisposedException">The engine is disposed.</exception>
    public void Submit(Sequence sequence)
    {
        if (Interlocked.Increment(ref _queued) > _options.QueueCapacity)
        {
            Interlocked.Decrement(ref _queued);
            throw new QueueFullException(
                $"'{_options.QueueCapacity}' requests wait for the model already. Try again later, or raise "
                + $"'{nameof(LanguageModelOptions.QueueCapacity)}'.");
        }

        sequence.OnLeavingQueue(() => Interlocked.Decrement(ref _queued));
        _inbox.Post(() => Take(sequence));
    }

    /// <summary>Runs something on the engine's thread, between two steps; safe from any thread.</summary>
    /// <exception cref="ObjectDisposedException">The engine is disposed.</exception>
    public Task InvokeAsync(Action action) => _inbox.InvokeAsync(action);

    /// <summary>Counts bytes of added adapters in the budget; on the engine's thread.</summary>
    /// <exception cref="MemoryBudgetException">There is no room for them.</exception>
    public void HoldAdapters(long more)
    {
        var bytes = _adapterBytes + more;
        if (!_budget.TryHoldAdapters(bytes))
        {
            _prefixes.Clear();
            if (_slots.Count == 0)
            {
                _slots.Release();
            }

            if (!_budget.TryHoldAdapters(bytes))
            {
                _budget.AskOthers();
                throw new MemoryBudgetException(
                    $"The adapter takes {FreeMemory.Format(more)}, for which sequences that run leave no room in the "
                    + "budget now. Add it when fewer run, or raise the budget.");
            }
        }

        _adapterBytes = bytes;
        _prefixes.Limit = _budget.PrefixBytes(_decoder.BytesFor(_decoder.Slots, _decoder.Capacity));
        MeasureKeyValues();
    }

    /// <summary>Drops what is cached of an adapter that no request uses any more; on the engine's thread.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="bytes">Bytes that it took.</param>
    public void ForgetAdapter(int adapter, long bytes)
    {
        // Requests that were cancelled may still have slots.
        WithdrawCancelled();
        _prefixes.Forget(adapter);
        HoldAdapters(-Math.Min(bytes, _adapterBytes));
    }

    /// <summary>Ends a sequence by an error of the caller's choice; safe from any thread.</summary>
    public void Cancel(Sequence sequence, Exception error)
    {
        sequence.Fail(error);
        Cancel(sequence);
    }

    /// <summary>Withdraws a sequence, also while its prompt is being computed; safe from any thread.</summary>
    public void Cancel(Sequence sequence)
    {
        sequence.Cancel();
        sequence.LeaveQueue();
        _guard.EndRunOf(sequence);
    }

    /// <summary>Fails what is in flight and waits until the thread has ended.</summary>
    public void Dispose()
    {
        _guard.End();
        _inbox.Complete();
        if (Thread.CurrentThread != _thread)
        {
            _thread.Join();
            _budget.Dispose();
            _prefixes.Dispose();
            _draftModel?.Dispose();
            _decoder.Dispose();
        }
    }

    private void Run()
    {
        while (!_guard.HasEnded)
        {
            if (_scheduler.IsIdle && !WaitForArrival())
            {
                break;
            }

            _inbox.Run();
            try
            {
                Step();
            }
#pragma warning disable CA1031 // An engine that is gone would leave its callers waiting for ever.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Fail(_ => true, e);
            }
        }

        _inbox.Run();
        Fail(_ => true, new ObjectDisposedException(nameof(LanguageModel)));
    }

    // A conversation's next turn finds the slots as they were; where none comes, their memory is given back, and
    // prefixes too where another model needs them.
    private bool WaitForArrival()
    {
        var arrival = _inbox.WaitAsync();
        using var waiting = new CancellationTokenSource();
        var idle = Task.Delay(IdleTime, _options.TimeProvider, waiting.Token);
        while (Task.WaitAny(_budget.Asked is { } asked ? [arrival, idle, asked] : [arrival, idle]) is > 0 and var first)
        {
            if (first == 2)
            {
                GiveBack();
                continue;
            }

            var before = KeyValueBytes;
            _slots.Release();
            _draftModel?.Release();
            MeasureKeyValues();
            _telemetry.GaveBack(before - KeyValueBytes, "no request came");
            idle = new TaskCompletionSource().Task;
        }

        waiting.Cancel();
        return arrival.GetAwaiter().GetResult();
    }

    private void Take(Sequence sequence)
    {
        sequence.Order = _order++;
        _scheduler.Enqueue(sequence);
    }

    private void WithdrawCancelled()
    {
        foreach (var cancelled in _slots.Active.Where(sequence => sequence.IsCancelled).ToArray())
        {
            // Whoever stops an answer often goes on from there.
            _guard.Run(null, [cancelled], () => _prefixWriter.Store(cancelled));
        }

        Fail(sequence => sequence.IsCancelled, new OperationCanceledException());
    }

    private void Fail(Func<Sequence, bool> condition, Exception cause)
        => _scheduler.Withdraw(condition).ForEach(sequence => Fail(sequence, cause));

    private void Fail(Sequence sequence, Exception cause)
    {
        if (cause is not (OperationCanceledException or ObjectDisposedException))
        {
            _telemetry.Failed(cause, sequence.Tokens.Length);
        }

        sequence.LeaveQueue();
        sequence.Fail(EngineErrors.Explain(sequence, cause));
    }
}
