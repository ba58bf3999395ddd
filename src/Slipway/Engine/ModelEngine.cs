using System.Threading.Channels;
using Slipway.Speculation;
using Slipway.Telemetry;

namespace Slipway.Engine;

/// <summary>Steps the sequences of one model on a thread of its own.</summary>
/// <remarks>
/// A step is the next chunk of one prompt and one token of every sequence that decodes; where the decoder can be interrupted,
/// those have further tokens while the chunk runs. Sequences come in over a channel, join and leave between steps, and are
/// failed alone where a step of theirs fails.
/// </remarks>
internal sealed partial class ModelEngine : IDisposable
{
    /// <summary>How long rows that no sequence uses stay allocated.</summary>
    public static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    private readonly Channel<Sequence> arrivals = Channel.CreateUnbounded<Sequence>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly IDecoder decoder;
    private readonly DraftModel? draftModel;
    private readonly PrefixCache prefixes;
    private readonly Scheduler scheduler;
    private readonly LanguageModelOptions options;
    private readonly ModelTelemetry telemetry;
    private readonly int vocabularySize;
    private readonly Thread thread;
    private readonly Lock gate = new();
    private Sequence? running;
    private long order;
    private int queued;
    private long keyValueBytes;
    private volatile bool disposed;

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
        this.draftModel = draftModel;
        this.telemetry = telemetry;
        telemetry.Observe(() => Volatile.Read(ref queued), () => Volatile.Read(ref keyValueBytes));
        this.decoder = decoder;
        this.options = options;
        this.vocabularySize = vocabularySize;
        prefixes = new PrefixCache(decoder);
        scheduler = new Scheduler(new KeyValueRows(decoder, prefixes, budget, options.MaxBatchSize));
        thread = new Thread(Run) { IsBackground = true, Name = "Slipway engine" };
        thread.Start();
    }

    /// <summary>Hands a sequence to the engine.</summary>
    /// <exception cref="QueueFullException">The queue has no room.</exception>
    public void Submit(Sequence sequence)
    {
        if (Interlocked.Increment(ref queued) > options.QueueCapacity)
        {
            Interlocked.Decrement(ref queued);
            throw new QueueFullException(
                $"'{options.QueueCapacity}' requests wait for the model already. Try again later, or raise "
                + $"'{nameof(LanguageModelOptions.QueueCapacity)}'.");
        }

        sequence.OnLeavingQueue(() => Interlocked.Decrement(ref queued));
        ObjectDisposedException.ThrowIf(!arrivals.Writer.TryWrite(sequence), typeof(LanguageModel));
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
        lock (gate)
        {
            if (running == sequence)
            {
                Terminate(true);
            }
        }
    }

    /// <summary>Fails what is in flight and waits until the thread has ended.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            Terminate(true);
        }

        arrivals.Writer.TryComplete();
        if (Thread.CurrentThread != thread)
        {
            thread.Join();
            prefixes.Dispose();
            draftModel?.Dispose();
            decoder.Dispose();
        }
    }

    private void Run()
    {
        while (!disposed)
        {
            if (scheduler.IsIdle && !WaitForArrival())
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
        var arrival = arrivals.Reader.WaitToReadAsync().AsTask();
        try
        {
            return arrival.WaitAsync(IdleTime, options.TimeProvider).GetAwaiter().GetResult();
        }
        catch (TimeoutException)
        {
            scheduler.Rows.Release();
            draftModel?.Release();
            Volatile.Write(ref keyValueBytes, prefixes.Bytes);
            return arrival.GetAwaiter().GetResult();
        }
    }

    private void TakeArrivals()
    {
        while (arrivals.Reader.TryRead(out var sequence))
        {
            sequence.Order = order++;
            scheduler.Enqueue(sequence);
        }
    }

    private void Step()
    {
        foreach (var cancelled in scheduler.Rows.Active.Where(sequence => sequence.IsCancelled).ToArray())
        {
            // Who stops an answer often goes on from there.
            Guard(null, [cancelled], () => Keep(cancelled, cancelled.Computed));
        }

        Fail(sequence => sequence.IsCancelled, new OperationCanceledException());

        var size = (decoder.Rows, decoder.Capacity);
        scheduler.Admit(Fail);
        scheduler.GrowOrPreempt(Fail);
        RestartBeyondSwitch();
        StepPrompts(isMoved: size != (decoder.Rows, decoder.Capacity));
        StepDecode();
        Volatile.Write(ref keyValueBytes, decoder.BytesFor(decoder.Rows, decoder.Capacity) + prefixes.Bytes + (draftModel?.Bytes ?? 0));
    }

    private void Terminate(bool terminate)
    {
        decoder.Terminate(terminate);
        draftModel?.Terminate(terminate);
    }

    // Runs a part of a step; an error fails the sequences of that part and leaves the others alone.
    private void Guard(Sequence? cancellable, Sequence[] affected, Action run)
    {
        Sequence? outer;
        lock (gate)
        {
            if (disposed || cancellable is { IsCancelled: true })
            {
                return;
            }

            outer = running;
            running = cancellable;
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
            if (!disposed && cancellable is not { IsCancelled: true })
            {
                Fail(affected.Contains, e);
            }
        }
        finally
        {
            lock (gate)
            {
                // What this part interrupted goes on, unless it was ended meanwhile.
                running = outer;
                if (outer is not null && (disposed || outer.IsCancelled))
                {
                    Terminate(true);
                }
            }
        }
    }

    private void Fail(Func<Sequence, bool> condition, Exception cause)
        => scheduler.Withdraw(condition).ForEach(sequence => Fail(sequence, cause));

    private static void Fail(Sequence sequence, Exception cause)
    {
        sequence.LeaveQueue();
        sequence.Fail(EngineErrors.Explain(sequence, cause));
    }
}
