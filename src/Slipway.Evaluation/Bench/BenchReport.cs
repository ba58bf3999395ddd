namespace Slipway.Evaluation.Bench;

/// <summary>Holds the speed and memory of a package on this machine.</summary>
/// <remarks>Machines differ: compare ratios within one report, not figures of two.</remarks>
/// <param name="Threads">Threads that computed.</param>
/// <param name="PromptTokens">Tokens of each prompt.</param>
/// <param name="NewTokens">Tokens that each stream generated while all decoded.</param>
/// <param name="LoadTime">The time to open the package.</param>
/// <param name="LoadToFirstToken">The time to open the package and answer a prompt of one token.</param>
/// <param name="PackageBytes">Bytes of the package's files.</param>
/// <param name="PeakMemoryBytes">The process's peak resident memory before the plain loop was loaded.</param>
/// <param name="Runs">The engine, for each number of streams.</param>
/// <param name="PlainLoop">The plain loop, one stream; null where it was not asked for.</param>
public sealed record BenchReport(
    int Threads,
    int PromptTokens,
    int NewTokens,
    TimeSpan LoadTime,
    TimeSpan LoadToFirstToken,
    long PackageBytes,
    long PeakMemoryBytes,
    IReadOnlyList<BenchRun> Runs,
    BenchRun? PlainLoop);

/// <summary>Holds the medians of one way to run.</summary>
/// <param name="Streams">Streams at once.</param>
/// <param name="PrefillTokensPerSecond">Prompt tokens of all streams, until the last of them has its first
/// token.</param>
/// <param name="DecodeTokensPerSecond">New tokens of all streams together, while all decode.</param>
/// <param name="TimeToFirstToken">The median over streams.</param>
/// <param name="LongestTimeToFirstToken">The longest of all streams.</param>
/// <param name="LongestPause">The longest wait between two tokens of a stream.</param>
/// <param name="PrefillRatio">Against the plain loop of the same rounds; null without it.</param>
/// <param name="DecodeRatio">Against the plain loop of the same rounds; null without it.</param>
public sealed record BenchRun(
    int Streams,
    double PrefillTokensPerSecond,
    double DecodeTokensPerSecond,
    TimeSpan TimeToFirstToken,
    TimeSpan LongestTimeToFirstToken,
    TimeSpan LongestPause,
    double? PrefillRatio,
    double? DecodeRatio);

/// <summary>Tells how far a measurement is.</summary>
/// <param name="Done">Runs done.</param>
/// <param name="Runs">All runs.</param>
/// <param name="Current">What runs next, in words.</param>
public sealed record BenchProgress(int Done, int Runs, string Current);
