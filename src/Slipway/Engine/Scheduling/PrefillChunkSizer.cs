namespace Slipway.Engine.Scheduling;

/// <summary>Sizes the chunks of prompts that run beside sequences that decode, by how long steps took.</summary>
/// <remarks>
/// A chunk that cannot be interrupted takes as long as a few decode steps: sequences that decode then pause that long
/// at most, and the prompt gets most of the time. One that can be interrupted is longer, and its slices between two
/// steps take as long. The time of a token grows with its position and differs between machines, so it is measured and
/// not assumed. Belongs to the engine's thread.
/// </remarks>
internal sealed class PrefillChunkSizer
{
    // Decode steps that a chunk takes, and beyond which the smallest chunk is halved.
    private const double ChunkSteps = 2.5;
    private const double MaxChunkSteps = 3.25;

    // Few tokens cost little less than some: weights, keys and values are read once for each chunk.
    private const int MinChunk = 4;
    private const int HalvedChunk = MinChunk / 2;

    // Steps that a slice and the step after it take together, measured while no prompt was under way. What else the
    // machine does comes on top, up to half as much again.
    private const double PauseSteps = 3.25;
    private const double MinSliceSteps = 0.5;
    private const int QuietSteps = 64;

    // Slices are so many times as long where so many prompts wait.
    private const int MaxPrompts = 3;

    // Interruptible chunks gain little speed beyond this time, and what arrives waits for their end.
    private const int MinInterruptibleChunk = 32;
    private static readonly TimeSpan InterruptibleTime = TimeSpan.FromMilliseconds(80);

    private readonly Queue<TimeSpan> _quietSteps = new();
    private int _batchSize;
    private TimeSpan _chunkTime;
    private int _chunkTokens;
    private int _requested = MinChunk;

    /// <summary>Time of a decode step; zero before the first one.</summary>
    public TimeSpan DecodeTime { get; private set; }

    /// <summary>Time for which a chunk runs until others take a step.</summary>
    /// <param name="prompts">Prompts that are under way.</param>
    public TimeSpan SliceTime(int prompts)
    {
        // The shortest steps are those that nothing else slowed.
        var slice = (PauseSteps * (_quietSteps.Count == 0 ? DecodeTime : _quietSteps.Min())) - DecodeTime;
        var min = MinSliceSteps * DecodeTime;
        return Math.Min(prompts, MaxPrompts) * (slice > min ? slice : min);
    }

    /// <summary>Returns the tokens of the next chunk that can be interrupted.</summary>
    /// <param name="max">The maximum.</param>
    public int NextInterruptible(int max)
    {
        var fitting = _chunkTime <= TimeSpan.Zero
            ? MinInterruptibleChunk : (int)(_chunkTokens * (InterruptibleTime / _chunkTime));
        return _requested = Math.Min(Math.Max(fitting / MinInterruptibleChunk, 1) * MinInterruptibleChunk, max);
    }

    /// <summary>Returns the tokens of the next chunk that cannot be interrupted.</summary>
    /// <param name="max">The maximum.</param>
    public int Next(int max) => _requested = Math.Min(Fitting(), max);

    /// <summary>Learns how long a decode step took.</summary>
    /// <param name="step">The time.</param>
    /// <param name="batchSize">Sequences of its batch.</param>
    /// <param name="isQuiet">Whether no prompt was under way beside them.</param>
    public void ObserveDecode(TimeSpan step, int batchSize, bool isQuiet)
    {
        if (batchSize != _batchSize)
        {
            _quietSteps.Clear();
            _batchSize = batchSize;
        }

        if (isQuiet)
        {
            _quietSteps.Enqueue(step);
            if (_quietSteps.Count > QuietSteps)
            {
                _quietSteps.Dequeue();
            }
        }

        // A single step that something held up counts no more than three times the usual one.
        var bounded = DecodeTime == default ? step : TimeSpan.FromTicks(Math.Min(step.Ticks, 3 * DecodeTime.Ticks));
        DecodeTime = DecodeTime == default ? step : (0.75 * DecodeTime) + (0.25 * bounded);
    }

    /// <summary>Learns how long a chunk took.</summary>
    public void ObservePrefill(int tokens, TimeSpan time)
    {
        // Ignores the last, shorter chunk of a prompt: its time does not predict a full chunk's.
        if (tokens >= Math.Min(_requested, MinChunk))
        {
            (_chunkTokens, _chunkTime) = (tokens, time);
        }
    }

    // Follows the last chunk's time and the steps' time now: both change with the sequences that are there.
    private int Fitting()
    {
        if (DecodeTime == default || _chunkTime <= TimeSpan.Zero)
        {
            return MinChunk;
        }

        // Half of the smallest chunk takes two thirds of its time.
        if (_chunkTokens <= MinChunk
            && (_chunkTokens < MinChunk ? 1.5 * _chunkTime : _chunkTime) > MaxChunkSteps * DecodeTime)
        {
            return HalvedChunk;
        }

        // Chunks grow by a factor of two at most: the time of a short one does not predict a long one's.
        var fitting = Math.Min(_chunkTokens * (ChunkSteps * DecodeTime / _chunkTime), 2.0 * _chunkTokens);
        return Math.Max((int)fitting / MinChunk, 1) * MinChunk;
    }
}
