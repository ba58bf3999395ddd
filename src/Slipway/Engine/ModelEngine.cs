using System.Threading.Channels;
using Slipway.Speculation;
using Slipway.Telemetry;

namespace Slipway.Engine;

/// <summary>Steps the sequences of one model on a thread of its own.</summary>
/// <remarks>
/// A step is the next chunk of one prompt and one token of every sequence that decodes; where the decoder can be
/// interrupted, those have further tokens while the chunk runs. Sequences come in over a channel, join and leave
/// between steps, and are failed alone where a step of theirs fails.
/// </remarks>
internal sealed partial class ModelEngine : IDisposable
{
    /// <summary>How long rows that no sequence uses stay allocated.</summary>
    public static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    private readonly Channel<Sequence> _arrivals = Channel.CreateUnbounded<Sequence>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly IDecoder _decoder;
    private readonly DraftModel? _draftModel;
    private readonly PrefixCache _prefixes;
    private readonly Scheduler _scheduler;
    private readonly LanguageModelOptions _options;
    private readonly ModelTelemetry _telemetry;
    private readonly int _vocabularySize;
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private Sequence? _running;
    private long _order;
    private int _queued;
    private long _keyValueBytes;
    private volatile bool _disposed;

    /// <param name="decoder">Runs the model; disposed with the engine.</param>
    /// <param name="vocabularySize">Logits of one position.</param>
    /// <param name="options">How the model is to run.</param>
    /// <param name="budget">The most bytes of keys and values.</param>
    /// <param name="telemetry">Records what happens.</param>
    /// <param name="draftModel">Guesses tokens; disposed with the engine; null for none.</param>
    public ModelEngine(
        IDecoder decoder,
        int vocabularySize,
        LanguageModelOptions options,
        KeyValueBudget budget,
        ModelTelemetry telemetry,
        DraftModel? draftModel = null)
    {
        _draftModel = draftModel;
        _telemetry = telemetry;
        telemetry.Observe(() => Volatile.Read(ref _queued), () => Volatile.Read(ref _keyValueBytes));
        _decoder = decoder;
        _options = options;
        _vocabularySize = vocabularySize;
        _prefixes = new PrefixCache(decoder);
        _scheduler = new Scheduler(new CacheSlotAllocator(decoder, _prefixes, budget, options.MaxBatchSize));
        _thread = new Thread(Run) { IsBackground = true, Name = "Slipway engine" };
        _thread.Start();
    }

    /// <summary>Hands a sequence to the engine.</summary>
    /// <exception cref="QueueFullException">The queue has no room.</exception>
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
        ObjectDisposedException.ThrowIf(!_arrivals.Writer.TryWrite(sequence), typeof(LanguageModel));
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
        lock (_gate)
        {
            if (_running == sequence)
            {
                Terminate(true);
            }
        }
    }

    /// <summary>Fails what is in flight and waits until the thread has ended.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Terminate(true);
        }

        _arrivals.Writer.TryComplete();
        if (Thread.CurrentThread != _thread)
        {
            _thread.Join();
            _prefixes.Dispose();
            _draftModel?.Dispose();
            _decoder.Dispose();
        }
    }

    private void Run()
    {
        while (!_disposed)
        {
            if (_scheduler.IsIdle && !WaitForArrival())
            {
                break;
            }

            TakeArrivals();
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

        TakeArrivals();
        Fail(_ => true, new ObjectDisposedException(nameof(LanguageModel)));
    }

    // A conversation's next turn finds the rows as they were; where none comes, their memory is given back.
    private bool WaitForArrival()
    {
        var arrival = _arrivals.Reader.WaitToReadAsync().AsTask();
        try
        {
            return arrival.WaitAsync(IdleTime, _options.TimeProvider).GetAwaiter().GetResult();
        }
        catch (TimeoutException)
        {
            _scheduler.Rows.Release();
            _draftModel?.Release();
            Volatile.Write(ref _keyValueBytes, _prefixes.Bytes);
            return arrival.GetAwaiter().GetResult();
        }
    }

    private void TakeArrivals()
    {
        while (_arrivals.Reader.TryRead(out var sequence))
        {
            sequence.Order = _order++;
            _scheduler.Enqueue(sequence);
        }
    }

    private void Step()
    {
        foreach (var cancelled in _scheduler.Rows.Active.Where(sequence => sequence.IsCancelled).ToArray())
        {
            // Who stops an answer often goes on from there.
            Guard(null, [cancelled], () => Keep(cancelled, cancelled.ComputedTokens));
        }

        Fail(sequence => sequence.IsCancelled, new OperationCanceledException());

        var size = (_decoder.Rows, _decoder.Capacity);
        _scheduler.Admit(Fail);
        _scheduler.GrowOrPreempt(Fail);
        RestartBeyondSwitch();
        StepPrompts(isMoved: size != (_decoder.Rows, _decoder.Capacity));
        StepDecode();
        Volatile.Write(ref _keyValueBytes,
            _decoder.BytesFor(_decoder.Rows, _decoder.Capacity) + _prefixes.Bytes + (_draftModel?.Bytes ?? 0));
    }

    private void Terminate(bool terminate)
    {
        _decoder.Terminate(terminate);
        _draftModel?.Terminate(terminate);
    }

    // Runs a part of a step; an error fails the sequences of that part and leaves the others alone.
    private void Guard(Sequence? cancellable, Sequence[] affected, Action run)
    {
        Sequence? outer;
        lock (_gate)
        {
            if (_disposed || cancellable is { IsCancelled: true })
            {
                return;
            }

            outer = _running;
            _running = cancellable;
            Terminate(false);
        }

        try
        {
            run();
        }
#pragma warning disable CA1031 // The thread must live on whatever a step meets.
        catch (Exception e)
#pragma warning restore CA1031
        {
            // A run that was ended on purpose is told to the caller by the cancellation or the disposal itself.
            if (!_disposed && cancellable is not { IsCancelled: true })
            {
                Fail(affected.Contains, e);
            }
        }
        finally
        {
            lock (_gate)
            {
                // What this part interrupted goes on, unless it was ended meanwhile.
                _running = outer;
                if (outer is not null && (_disposed || outer.IsCancelled))
                {
                    Terminate(true);
                }
            }
        }
    }

    private void Fail(Func<Sequence, bool> condition, Exception cause)
        => _scheduler.Withdraw(condition).ForEach(sequence => Fail(sequence, cause));

    private static void Fail(Sequence sequence, Exception cause)
    {
        sequence.LeaveQueue();
        sequence.Fail(EngineErrors.Explain(sequence, cause));
    }
}
