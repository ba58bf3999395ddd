namespace Slipway.Evaluation.Bench.Serving;

/// <summary>Holds what serving a package is like on this machine, each figure beside its bar.</summary>
/// <param name="Threads">Threads that computed.</param>
/// <param name="Rounds">Rounds that the medians are of.</param>
/// <param name="Package">The package's folder.</param>
/// <param name="BaselinePackage">The folder of the plain loop's package.</param>
/// <param name="Figures">The figures.</param>
public sealed record ServingReport(
    int Threads, int Rounds, string Package, string BaselinePackage, IReadOnlyList<ServingFigure> Figures);

/// <summary>Holds one figure: the median over rounds, and what it is held to.</summary>
/// <param name="Name">What was measured, in words.</param>
/// <param name="Value">The figure: a ratio within a round, seconds, or bytes.</param>
/// <param name="Bar">What it is held to, in the same unit.</param>
/// <param name="IsLeast">Whether the bar is the least that will do; else the most.</param>
/// <param name="Unit">What <paramref name="Measured"/> and <paramref name="Reference"/> are counted in.</param>
/// <param name="Measured">What was measured.</param>
/// <param name="Reference">What it is set against; null where the bar is one of its own.</param>
public sealed record ServingFigure(
    string Name, double Value, double Bar, bool IsLeast, string Unit, double Measured, double? Reference)
{
    /// <summary>Tells whether the figure reaches its bar.</summary>
    public bool IsMet => IsLeast ? Value >= Bar : Value <= Bar;
}

/// <summary>Holds what a process of its own tells of a package.</summary>
/// <param name="LoadToFirstToken">From the call that loads to the first token, the runtime's own start
/// excluded.</param>
/// <param name="PeakMemoryBytes">The process's peak resident memory, after several streams at once.</param>
/// <param name="KeyValueBytes">The budget of keys and values.</param>
/// <param name="PackageBytes">Bytes of the package's files.</param>
public sealed record ProcessFigures(
    TimeSpan LoadToFirstToken, long PeakMemoryBytes, long KeyValueBytes, long PackageBytes);
