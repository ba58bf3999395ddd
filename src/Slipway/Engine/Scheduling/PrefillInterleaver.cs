using System.Diagnostics;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Kernels.Threading;

namespace Slipway.Engine.Scheduling;

/// <summary>Runs slices of prompts, and between two of their kernels steps of the sequences that decode.</summary>
/// <remarks>
/// Sequences that decode do not wait for the end of a slice, and a slice can be as long as makes it fast. This is the
/// only re-entrant code of the engine; all of it is one thread:
/// <code>
/// ModelEngine.Step ─ ModelRunner.Run(slice) ─ PrefillInterleaver.Run ─ IDecoder.Prefill ─ session.Run
///                                                                                          kernel
///    ModelEngine.RunInterleavedDecode ─────────── RunInterleavedDecode ──────────────── yield point
///      └ ModelRunner.Run(batch) ─ IDecoder.Decode ─ session.Run, the same one             │ kernel
///                                                   kernels, no yield points              │ kernel
///                                                                                       yield point
///                                                                                          …
/// </code>
/// Meanwhile slots stay where they are and as large as they are, since the slice's run has them bound. Belongs to the
/// engine's thread.
/// </remarks>
/// <param name="decoder">Runs the slices.</param>
/// <param name="slots">Knows who else has a slot.</param>
/// <param name="sizer">Says how long a slice runs between two steps, and learns how long it took.</param>
/// <param name="runInterleavedDecode">Runs a step of all sequences that decode but the prompt.</param>
internal sealed class PrefillInterleaver(
    IDecoder decoder, CacheSlotAllocator slots, PrefillChunkSizer sizer, Action<Sequence> runInterleavedDecode)
{
    private bool _isInterrupted;
    private long _resumed;
    private TimeSpan _slice;
    private TimeSpan _othersTook;

    /// <summary>Tells whether a prompt's run waits for a step of others.</summary>
    public bool IsInterrupted => _isInterrupted;

    /// <summary>Runs tokens of a sequence; others' steps come in between where the run can be interrupted.</summary>
    public ReadOnlySpan<float> Run(Sequence sequence, scoped in PrefillRun run)
    {
        if (_isInterrupted)
        {
            return decoder.Prefill(run);
        }

        _othersTook = TimeSpan.Zero;
        _slice = sizer.SliceTime(slots.Active.Count(other => other.NeedsPrefill));
        var started = _resumed = Stopwatch.GetTimestamp();
        using var yields = KernelYield.Enable(run.IsInterruptible ? () => RunInterleavedDecode(sequence) : null);
        var logits = decoder.Prefill(run);
        sizer.ObservePrefill(run.Tokens.Length, Stopwatch.GetElapsedTime(started) - _othersTook);
        return logits;
    }

    private void RunInterleavedDecode(Sequence prompt)
    {
        var now = Stopwatch.GetTimestamp();
        if (Stopwatch.GetElapsedTime(_resumed, now) < _slice || prompt.IsCancelled
            || slots.Active.Any(other => other != prompt && other.Tokens.Length > decoder.Capacity))
        {
            return;
        }

        _isInterrupted = true;
        try
        {
            runInterleavedDecode(prompt);
        }
        finally
        {
            _isInterrupted = false;
            _resumed = Stopwatch.GetTimestamp();
            _othersTook += Stopwatch.GetElapsedTime(now, _resumed);
        }
    }
}
