namespace Slipway.Evaluation.CodeExecution;

/// <summary>Tells from what is left of a program how it ended.</summary>
internal static class ProgramEnd
{
    private const int FirstSignal = 128;

    private static readonly string[] MemoryWords =
        ["MemoryError", "OutOfMemoryException", "Out of memory", "Cannot allocate memory"];

    // The errors that the kernel gives for what a program may not do.
    private static readonly string[] DeniedWords =
        ["Network is unreachable", "Operation not permitted", "Permission denied", "is denied"];

    public static (ProgramOutcome Outcome, string Reason) Of(
        int exitCode, bool isOver, bool wroteTooMuch, bool reachedEnd, string error, TimeSpan time)
    {
        var last = Excerpt.Of(LastLine(error));
        if (wroteTooMuch)
        {
            return (ProgramOutcome.TooMuchOutput, "It wrote more than it may, and was ended.");
        }

        if (isOver)
        {
            return (ProgramOutcome.TimedOut, $"It was not done after {time.TotalSeconds:0.#} seconds, and was ended.");
        }

        if (exitCode == 0)
        {
            return reachedEnd
                ? (ProgramOutcome.Completed, "It ran to its end.")
                : (ProgramOutcome.Failed, "It left before its end.");
        }

        var outcome = MemoryWords.Any(Says) ? ProgramOutcome.OutOfMemory
            : DeniedWords.Any(Says) ? ProgramOutcome.Denied
            : exitCode > FirstSignal ? ProgramOutcome.Crashed
            : ProgramOutcome.Failed;
        return (outcome, outcome switch
        {
            ProgramOutcome.OutOfMemory => $"It asked for more memory than it may have: {last}",
            ProgramOutcome.Denied => $"It asked for what it may not do: {last}",
            ProgramOutcome.Crashed => $"Signal {exitCode - FirstSignal} ended it: {last}",
            _ => $"It ended with {exitCode}: {last}",
        });

        bool Says(string words) => error.Contains(words, StringComparison.Ordinal);
    }

    private static string LastLine(string error)
        => error.Split('\n').Select(line => line.Trim()).LastOrDefault(line => line.Length > 0) ?? "";
}
