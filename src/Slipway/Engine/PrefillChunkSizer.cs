namespace Slipway.Engine;

/// <summary>
/// Decides how many prompt tokens run in a step beside sequences that decode, by how long steps took.
/// </summary>
/// <remarks>
/// A chunk that nothing interrupts is to take as long as a few decode steps: the sequences that decode then pause that
/// long at most, and the prompt gets most of the time. One that can be interrupted is longer, and its turns between two
/// steps are as long. What a token costs grows with its position and differs between machines, so it is measured and
/// not assumed. Belongs to the engine's thread.
/// </remarks>
internal sealed class PrefillChunkSizer
{
    /// <summary>Decode steps that a chunk is to take.</summary>
    private const double Steps = 2.5;

    /// <summary>Decode steps beyond which even the least chunk is halved.</summary>
    private const double MaxSteps = 3.25;

    // Few tokens cost little less than some: weights, keys and values are read once for each chunk.
    private const int MinTokens = 4;
    private const int HalvedMinTokens = MinTokens / 2;

    // What a turn of a prompt and the step after it are to take, in steps as they were before the prompt came. What
    // else the machine does comes on top, up to half as much again.
    private const double PauseSteps = 3.25;
    private const double MinTurnSteps = 0.5;
    private const int QuietSteps = 64;

    // Where several prompts wait, turns are so many times as long.
    private const int MaxPrompts = 3;

    // Of chunks that are interrupted, more tokens would make little faster, and what comes in waits for their end.
    private const int MinInterruptible = 32;
    private static readonly TimeSpan Interruptible = TimeSpan.FromMilliseconds(80);

    private readonly Queue<TimeSpan> _quiet = new();
    private TimeSpan _decode;
    private int _sequences;
    private TimeSpan _time;
    private int _tokens;
    private int _asked = MinTokens;

    /// <summary>How long a decode step takes; nothing before the first one.</summary>
    public TimeSpan Step => _decode;

    /// <summary>How long a chunk runs until others take a step.</summary>
    /// <param name="prompts">Prompts that are under way.</param>
    public TimeSpan PrefillSlice(int prompts)
    {
        // The shortest are those that nothing else slowed.
        var turn = (PauseSteps * (_quiet.Count == 0 ? _decode : _quiet.Min())) - _decode;
        return Math.Min(prompts, MaxPrompts) * (turn > MinTurnSteps * _decode ? turn : MinTurnSteps * _decode);
    }

    /// <summary>The tokens of the next chunk that others' steps interrupt.</summary>
    /// <param name="max">The most tokens.</param>
    public int NextInterruptible(int max)
    {
        var fitting = _time <= TimeSpan.Zero ? MinInterruptible : (int)(_tokens * (Interruptible / _time));
        return _asked = Math.Min(Math.Max(fitting / MinInterruptible, 1) * MinInterruptible, max);
    }

    /// <summary>The tokens of the next chunk that nothing interrupts.</summary>
    /// <param name="max">The most tokens.</param>
    public int Next(int max) => _asked = Math.Min(Fitting(), max);

    /// <summary>Tells how long a decode step took.</summary>
    /// <param name="step">The time.</param>
    /// <param name="batch">Sequences that it was for.</param>
    /// <param name="isQuiet">Whether no prompt was under way beside them.</param>
    public void Decoded(TimeSpan step, int batch, bool isQuiet)
    {
        if (batch != _sequences)
        {
            _quiet.Clear();
            _sequences = batch;
        }

        if (isQuiet)
        {
            _quiet.Enqueue(step);
            if (_quiet.Count > QuietSteps)
            {
                _quiet.Dequeue();
            }
        }

        // A single step that something held up counts no more than three times the usual one.
        var bounded = _decode == default ? step : TimeSpan.FromTicks(Math.Min(step.Ticks, 3 * _decode.Ticks));
        _decode = _decode == default ? step : (0.75 * _decode) + (0.25 * bounded);
    }

    /// <summary>Tells how long a chunk took.</summary>
    public void Prefilled(int chunk, TimeSpan taken)
    {
        // The rest of a prompt, cut short, tells little of chunks.
        if (chunk >= Math.Min(_asked, MinTokens))
        {
            (_tokens, _time) = (chunk, taken);
        }
    }

    // By what the last chunk took, and by what steps take now: both change with who is there.
    private int Fitting()
    {
        if (_decode == default || _time <= TimeSpan.Zero)
        {
            return MinTokens;
        }

        // Half of the least takes some two thirds of its time.
        if (_tokens <= MinTokens && (_tokens < MinTokens ? 1.5 * _time : _time) > MaxSteps * _decode)
        {
            return HalvedMinTokens;
        }

        // Towards a longer chunk by steps of two: a short one tells little of it.
        var fitting = Math.Min(_tokens * (Steps * _decode / _time), 2.0 * _tokens);
        return Math.Max((int)fitting / MinTokens, 1) * MinTokens;
    }
}
