namespace Slipway.Tracing.Sizes;

/// <summary>Chooses the sizes that a module is traced and proven at.</summary>
/// <remarks>
/// Sizes of the traces are small, of mixed parity, and vary independently by name. The proof uses others: those of the
/// example, the smallest, the largest declared, and two between.
/// </remarks>
internal sealed class SizePlan
{
    private const int MaxUndeclared = 13;
    private const int Large = 131;

    private static readonly int[][] Patterns =
    [
        [2, 3, 5, 4, 7, 6], [5, 4, 2, 7, 3, 8], [3, 7, 4, 2, 6, 5], [4, 2, 7, 5, 8, 3], [7, 5, 3, 6, 2, 4],
    ];

    private readonly IReadOnlyList<DynamicAxis> _axes;

    /// <summary>Chooses.</summary>
    /// <param name="axes">The named sizes.</param>
    /// <param name="example">The sizes of the example, by name.</param>
    public SizePlan(IReadOnlyList<DynamicAxis> axes, IReadOnlyDictionary<string, long> example)
    {
        _axes = axes;
        Example = example;
        Traces = Distinct(Enumerable.Range(0, Patterns[0].Length).Select(Small));
        NearExample = Distinct(Enumerable.Range(0, Patterns[0].Length).Select(Near));
        List<IReadOnlyDictionary<string, long>> limits = [example, Map(axis => Fit(axis, 1))];
        foreach (var axis in axes.Where(axis => axis.Max is not null))
        {
            limits.Add(Map(other => other == axis ? Fit(axis, long.MaxValue) : Fit(other, 1)));
        }

        Proofs = Distinct([
            .. limits, Map(axis => Fit(axis, 9 + Index(axis))),
            Map(axis => Fit(axis, MaxUndeclared - (2 * (Index(axis) % Patterns.Length))))]);
        LargeProofs = [.. axes.Where(axis => axis.Max is null)
            .Select(large => Map(axis => Fit(axis, axis == large ? Large : 1)))];
        List<IReadOnlyDictionary<string, long>> few = [.. limits, Map(axis => Fit(axis, 6 + Index(axis)))];
        SmallProofs = Distinct(limits.Count > 2 ? few : [.. few, Map(axis => Fit(axis, 3))]);
    }

    /// <summary>The sizes of the example.</summary>
    public IReadOnlyDictionary<string, long> Example { get; }

    /// <summary>The smallest sizes.</summary>
    public IReadOnlyDictionary<string, long> Smallest => Map(axis => Fit(axis, 1));

    /// <summary>Small sizes to trace at.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, long>> Traces { get; }

    /// <summary>Sizes around the example's, for modules that reject small ones.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, long>> NearExample { get; }

    /// <summary>Sizes to compare the graph and the module at.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, long>> Proofs { get; }

    /// <summary>Far larger sizes of each axis without a limit, for modules that take no time.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, long>> LargeProofs { get; }

    /// <summary>The same for modules that take long: one size between the limits.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, long>> SmallProofs { get; }

    private IReadOnlyDictionary<string, long> Small(int run)
        => Map(axis => Fit(axis, Number(axis, run)));

    private IReadOnlyDictionary<string, long> Near(int run)
        => Map(axis => axis.Name == OnnxModule.BatchName
            ? Fit(axis, Number(axis, run))
            : Clamp(axis, ((Example[axis.Name] / axis.Multiple) - 2
                + Number(axis, run)) * axis.Multiple));

    // Further axes than there are patterns have them in another order, and larger ones.
    private int Number(DynamicAxis axis, int run)
    {
        var (round, pattern) = Math.DivRem(Index(axis), Patterns.Length);
        return Patterns[pattern][(run + (2 * round)) % Patterns[pattern].Length] + round;
    }

    /// <summary>The n-th size that an axis allows, from 1.</summary>
    public static long Fit(DynamicAxis axis, long number)
    {
        var first = (Math.Max(axis.Min, 1) + axis.Multiple - 1) / axis.Multiple;
        var last = axis.Max is { } max ? max / axis.Multiple : long.MaxValue;
        if (number == long.MaxValue)
        {
            return last * axis.Multiple;
        }

        var count = last - first + 1;
        return (first + ((number - 1) % count)) * axis.Multiple;
    }

    private static long Clamp(DynamicAxis axis, long size)
        => Math.Clamp(size, Fit(axis, 1), axis.Max is null ? long.MaxValue : Fit(axis, long.MaxValue));

    private int Index(DynamicAxis axis) => _axes.ToList().IndexOf(axis);

    private Dictionary<string, long> Map(Func<DynamicAxis, long> size)
        => _axes.ToDictionary(axis => axis.Name, size, StringComparer.Ordinal);

    private static List<IReadOnlyDictionary<string, long>> Distinct(
        IEnumerable<IReadOnlyDictionary<string, long>> plans)
        => [.. plans.DistinctBy(plan => string.Join(',', plan.Values))];
}
