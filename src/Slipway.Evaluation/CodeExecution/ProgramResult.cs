namespace Slipway.Evaluation.CodeExecution;

/// <summary>Holds how a program ended.</summary>
/// <param name="Outcome">The way it ended.</param>
/// <param name="Reason">The outcome for people, with the last line that the program wrote to standard error.</param>
/// <param name="Output">What it wrote to standard output, as far as it may.</param>
/// <param name="Error">What it wrote to standard error, as far as it may.</param>
/// <param name="Elapsed">The time from its start to its end.</param>
public sealed record ProgramResult(
    ProgramOutcome Outcome, string Reason, string Output, string Error, TimeSpan Elapsed);

/// <summary>Names the ways in which a program ends.</summary>
public enum ProgramOutcome
{
    /// <summary>It ran to its last line.</summary>
    Completed,

    /// <summary>It ended before, by an error or on its own.</summary>
    Failed,

    /// <summary>Its time was over.</summary>
    TimedOut,

    /// <summary>It asked for more memory than it may have.</summary>
    OutOfMemory,

    /// <summary>It wrote more than it may.</summary>
    TooMuchOutput,

    /// <summary>It asked for the network, a process, a file to write to, or the like, which it may not.</summary>
    Denied,

    /// <summary>A signal ended it.</summary>
    Crashed,
}
