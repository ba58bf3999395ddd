namespace Slipway.Engine;

/// <summary>Decides how many prompt tokens run in a step beside sequences that decode, by how long steps took.</summary>
/// <remarks>
/// A chunk that nothing interrupts is to take as long as a few decode steps: the sequences that decode then pause that long
/// at most, and the prompt gets most of the time. One that can be interrupted is longer, and its turns between two steps are
/// as long. What a token costs grows with its position and differs between machines, so it is measured and not assumed.
/// Belongs to the engine's thread.
/// </remarks>
internal sealed class PrefillPace
{
    /// <summary>Decode steps that a chunk is to take.</summary>
    private const double Steps = 2.5;

    /// <summary>Decode steps beyond which even the least chunk is halved.</summary>
    private const double MostSteps = 3.25;

    // Few tokens cost little less than some: weights, keys and values are read once for each chunk.
    private const int Least = 4;
    private const int Fewest = Least / 2;

    // What a turn of a prompt and the step after it are to take, in steps as they were before the prompt came. What else the
    // machine does comes on top, up to half as much again.
    private const double PauseSteps = 3.25;
    private const double LeastTurnSteps = 0.5;
    private const int QuietSteps = 64;

    // Where several prompts wait, turns are so many times as long.
    private const int MostPrompts = 3;

    // Of chunks that are interrupted, more tokens would make little faster, and what comes in waits for their end.
    private const int LeastInterruptible = 32;
    private static readonly TimeSpan Interruptible = TimeSpan.FromMilliseconds(80);

    private readonly Queue<TimeSpan> quiet = new();
    private TimeSpan decode;
    private int sequences;
    private TimeSpan time;
    private int tokens;
    private int asked = Least;

    /// <summary>How long a decode step takes; nothing before the first one.</summary>
    public TimeSpan Step => decode;

    /// <summary>How long a chunk runs until others take a step.</summary>
    /// <param name="prompts">Prompts that are under way.</param>
    public TimeSpan Turn(int prompts)
    {
        // The shortest are those that nothing else slowed.
        var turn = (PauseSteps * (quiet.Count == 0 ? decode : quiet.Min())) - decode;
        return Math.Min(prompts, MostPrompts) * (turn > LeastTurnSteps * decode ? turn : LeastTurnSteps * decode);
    }

    /// <summary>The tokens of the next chunk that others' steps interrupt.</summary>
    /// <param name="most">The most tokens.</param>
    public int NextInterruptible(int most)
    {
        var fitting = time <= TimeSpan.Zero ? LeastInterruptible : (int)(tokens * (Interruptible / time));
        return asked = Math.Min(Math.Max(fitting / LeastInterruptible, 1) * LeastInterruptible, most);
    }

    /// <summary>The tokens of the next chunk that nothing interrupts.</summary>
    /// <param name="most">The most tokens.</param>
    public int Next(int most) => asked = Math.Min(Fitting(), most);

    /// <summary>Tells how long a decode step took.</summary>
    /// <param name="step">The time.</param>
    /// <param name="batch">Sequences that it was for.</param>
    /// <param name="isQuiet">Whether no prompt was under way beside them.</param>
    public void Decoded(TimeSpan step, int batch, bool isQuiet)
    {
        if (batch != sequences)
        {
            quiet.Clear();
            sequences = batch;
        }

        if (isQuiet)
        {
            quiet.Enqueue(step);
            if (quiet.Count > QuietSteps)
            {
                quiet.Dequeue();
            }
        }

        // A single step that something held up counts no more than three times the usual one.
        var bounded = decode == default ? step : TimeSpan.FromTicks(Math.Min(step.Ticks, 3 * decode.Ticks));
        decode = decode == default ? step : (0.75 * decode) + (0.25 * bounded);
    }

    /// <summary>Tells how long a chunk took.</summary>
    public void Prefilled(int chunk, TimeSpan taken)
    {
        // The rest of a prompt, cut short, tells little of chunks.
        if (chunk >= Math.Min(asked, Least))
        {
            (tokens, time) = (chunk, taken);
        }
    }

    // By what the last chunk took, and by what steps take now: both change with who is there.
    private int Fitting()
    {
        if (decode == default || time <= TimeSpan.Zero)
        {
            return Least;
        }

        // Half of the least takes some two thirds of its time.
        if (tokens <= Least && (tokens < Least ? 1.5 * time : time) > MostSteps * decode)
        {
            return Fewest;
        }

        // Towards a longer chunk by steps of two: a short one tells little of it.
        var fitting = Math.Min(tokens * (Steps * decode / time), 2.0 * tokens);
        return Math.Max((int)fitting / Least, 1) * Least;
    }
}
