using System.Diagnostics;
using Slipway.Kernels.Threading;

namespace Slipway.Engine;

// A prompt's chunk is interrupted between its kernels for steps of the sequences that decode: they do not wait for its
// end, and it can be as long as makes it fast.
internal sealed partial class ModelEngine
{
    private Sequence? _interrupted;
    private long _turnStarted;
    private TimeSpan _turn;
    private TimeSpan _othersTook;

    private int SharedChunk()
        => _decoder.CanInterrupt
            ? _pace.NextInterruptible(_options.MaxMixedPrefillTokens) : _pace.Next(_options.MaxMixedPrefillTokens);

    private ReadOnlySpan<float> Prefill(Sequence sequence, int start, ReadOnlySpan<int> chunk, bool isInterruptible)
    {
        var every = sequence.ScoresEveryPosition;
        if (_interrupted is not null)
        {
            return _decoder.Prefill(sequence.Slot, start, chunk, every);
        }

        _othersTook = TimeSpan.Zero;
        _turn = _pace.PrefillSlice(_scheduler.Rows.Active.Count(Scheduler.NeedsPrefill));
        var started = _turnStarted = Stopwatch.GetTimestamp();
        using var breaks = KernelYield.Enable(
            isInterruptible && _decoder.CanInterrupt ? () => TakeTurns(sequence) : null);
        var logits = _decoder.Prefill(sequence.Slot, start, chunk, every);
        _pace.Prefilled(chunk.Length, Stopwatch.GetElapsedTime(started) - _othersTook);
        return logits;
    }

    // Rows stay where they are and as large as they are, since the prompt's run has them bound.
    private void TakeTurns(Sequence prompt)
    {
        var now = Stopwatch.GetTimestamp();
        if (Stopwatch.GetElapsedTime(_turnStarted, now) < _turn || _disposed || prompt.IsCancelled
            || _scheduler.Rows.Active.Any(other => other != prompt
            && other.ComputedTokens + other.UncomputedTokens > _decoder.Capacity))
        {
            return;
        }

        _interrupted = prompt;
        try
        {
            StepAnswers();
            StepDecode();
        }
        finally
        {
            _interrupted = null;
            _turnStarted = Stopwatch.GetTimestamp();
            _othersTook += Stopwatch.GetElapsedTime(now, _turnStarted);
        }
    }
}
