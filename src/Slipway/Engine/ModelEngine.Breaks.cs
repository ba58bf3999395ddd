using System.Diagnostics;
using Slipway.Kernels.Threading;

namespace Slipway.Engine;

// A prompt's chunk is interrupted between its kernels for steps of the sequences that decode: they do not wait for its end, and
// it can be as long as makes it fast.
internal sealed partial class ModelEngine
{
    private Sequence? interrupted;
    private long turnStarted;
    private TimeSpan turn;
    private TimeSpan othersTook;

    private int SharedChunk()
        => decoder.CanInterrupt
            ? pace.NextInterruptible(options.SharedPrefillChunk) : pace.Next(options.SharedPrefillChunk);

    private ReadOnlySpan<float> Prefill(Sequence sequence, int start, ReadOnlySpan<int> chunk, bool isInterruptible)
    {
        var every = sequence.ScoresEveryPosition;
        if (interrupted is not null)
        {
            return decoder.Prefill(sequence.Row, start, chunk, every);
        }

        othersTook = TimeSpan.Zero;
        turn = pace.Turn(scheduler.Rows.Active.Count(Scheduler.IsPrompt));
        var started = turnStarted = Stopwatch.GetTimestamp();
        using var breaks = KernelYield.Enable(
            isInterruptible && decoder.CanInterrupt ? () => TakeTurns(sequence) : null);
        var logits = decoder.Prefill(sequence.Row, start, chunk, every);
        pace.Prefilled(chunk.Length, Stopwatch.GetElapsedTime(started) - othersTook);
        return logits;
    }

    // Rows stay where they are and as large as they are, since the prompt's run has them bound.
    private void TakeTurns(Sequence prompt)
    {
        var now = Stopwatch.GetTimestamp();
        if (Stopwatch.GetElapsedTime(turnStarted, now) < turn || disposed || prompt.IsCancelled
            || scheduler.Rows.Active.Any(other => other != prompt && other.Computed + other.Pending > decoder.Capacity))
        {
            return;
        }

        interrupted = prompt;
        try
        {
            StepAnswers();
            StepDecode();
        }
        finally
        {
            interrupted = null;
            turnStarted = Stopwatch.GetTimestamp();
            othersTook += Stopwatch.GetElapsedTime(now, turnStarted);
        }
    }
}
