namespace Slipway.Evaluation.Bench.Serving;

/// <summary>Targets of a package on a machine with two threads; one row a figure.</summary>
internal static class ServingTargets
{
    public static readonly ServingBar DecodeAlone = new("decode alone", 1.2, IsLeast: true, "tok/s");
    public static readonly ServingBar PrefillAlone = new("prefill alone", 2.2, IsLeast: true, "tok/s");
    public static readonly ServingBar Streams = new("{0} at once, decode", 2.7, IsLeast: true, "tok/s");
    public static readonly ServingBar ManyStreams = new("{0} at once, decode", 4, IsLeast: true, "tok/s");
    public static readonly ServingBar Newcomer = new("first token while {0} decode", 2.5, IsLeast: false, "ms");
    public static readonly ServingBar Pause = new("longest pause of {0} as {1} tokens arrive", 5, IsLeast: false, "ms");
    public static readonly ServingBar SecondTurn = new("second turn, first token", 0.15, IsLeast: false, "ms");
    public static readonly ServingBar Drafting = new(
        "call that repeats its prompt, drafted", 1.5, IsLeast: true, "tok/s");
    public static readonly ServingBar Cancel = new("cancelled prefill, until free", 0.1, IsLeast: false, "ms");
    public static readonly ServingBar Memory = new("peak memory, of what is allowed", 1, IsLeast: false, "MB");
    public static readonly ServingBar Load = new("load to first token", 1, IsLeast: false, "ms");

    /// <summary>
    /// The most resident memory: a quarter more than the package, the budget, and 150 MB for the rest.
    /// </summary>
    public static double MemoryBytes(ProcessFigures figures)
        => (1.25 * figures.PackageBytes) + figures.KeyValueBytes + 150e6;
}

/// <summary>Bound of one figure.</summary>
/// <param name="Name">Its name, with places for numbers.</param>
/// <param name="Bar">The bar.</param>
/// <param name="IsLeast">Whether it is the least that will do; else the most.</param>
/// <param name="Unit">The unit of the absolute figures.</param>
internal sealed record ServingBar(string Name, double Bar, bool IsLeast, string Unit);
