namespace Slipway.Evaluation.CodeExecution;

/// <summary>Says what a program under test may use.</summary>
public sealed record ProgramLimits
{
    /// <summary>The time of a program, beside what its language takes to start.</summary>
    /// <value>10 seconds</value>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The memory of a program, in bytes, beside what its language takes itself.</summary>
    /// <value>512 MiB</value>
    public long MemoryBytes { get; init; } = 512L << 20;

    /// <summary>The characters that a program may write, to standard output and standard error each.</summary>
    /// <value>65,536</value>
    public int OutputLength { get; init; } = 1 << 16;
}
