using Slipway.Engine.Execution;
using Slipway.Speculation;

namespace Slipway.Engine.Scheduling;

/// <summary>
/// Runs parts of a step: an error fails their sequences alone, and a cancellation ends the run in progress.
/// </summary>
/// <param name="decoder">Runs the model.</param>
/// <param name="draftModel">Drafts tokens; null for none.</param>
/// <param name="fail">Ends the sequences that a condition holds for.</param>
/// <param name="weights">The files of the weights, which must not be written; null where none are watched.</param>
internal sealed class RunGuard(
    IDecoder decoder, DraftModel? draftModel, Action<Func<Sequence, bool>, Exception> fail, WeightFiles? weights = null)
{
    private readonly Lock _lock = new();
    private Sequence? _running;
    private volatile bool _hasEnded;

    /// <summary>Tells whether nothing more is to run.</summary>
    public bool HasEnded => _hasEnded;

    /// <summary>Runs a part of a step; may be called within another part.</summary>
    /// <param name="cancellable">The sequence whose cancellation ends the part; null for none.</param>
    /// <param name="affected">The sequences that an error fails.</param>
    /// <param name="run">The part.</param>
    public void Run(Sequence? cancellable, Sequence[] affected, Action run)
    {
        Sequence? outer;
        lock (_lock)
        {
            if (_hasEnded || cancellable is { IsCancelled: true })
            {
                return;
            }

            outer = _running;
            _running = cancellable;
            Terminate(false);
        }

        try
        {
            weights?.ThrowIfWritten();
            run();
        }
#pragma warning disable CA1031 // The thread must live on whatever a step meets.
        catch (Exception e)
#pragma warning restore CA1031
        {
            // A run that was ended on purpose is told to the caller by the cancellation or the disposal itself.
            if (!_hasEnded && cancellable is not { IsCancelled: true })
            {
                fail(affected.Contains, e);
            }
        }
        finally
        {
            lock (_lock)
            {
                // The part that this one interrupted goes on, unless it was ended meanwhile.
                _running = outer;
                if (outer is not null && (_hasEnded || outer.IsCancelled))
                {
                    Terminate(true);
                }
            }
        }
    }

    /// <summary>Ends the run in progress where it is a cancelled sequence's; safe from any thread.</summary>
    public void EndRunOf(Sequence cancelled)
    {
        lock (_lock)
        {
            if (_running == cancelled)
            {
                Terminate(true);
            }
        }
    }

    /// <summary>Ends the run in progress and lets none begin; safe from any thread.</summary>
    public void End()
    {
        lock (_lock)
        {
            _hasEnded = true;
            Terminate(true);
        }
    }

    private void Terminate(bool terminate)
    {
        decoder.Terminate(terminate);
        draftModel?.Terminate(terminate);
    }
}
