namespace Slipway.LanguageModels.Shapes;

/// <summary>Kinds of a factor of an axis.</summary>
internal enum FactorKind
{
    /// <summary>A number.</summary>
    Fixed,

    /// <summary>The rows of a batch.</summary>
    Batch,

    /// <summary>The positions of a sequence.</summary>
    Time,

    /// <summary>The positions of a sequence and a number of places more, as scores with a sink beside them.</summary>
    Longer,
}

/// <summary>A factor of an axis.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Size">The number of a fixed factor, or of the places more; 0 for others.</param>
internal readonly record struct Factor(FactorKind Kind, long Size)
{
    public static Factor Batch { get; } = new(FactorKind.Batch, 0);

    public static Factor Time { get; } = new(FactorKind.Time, 0);

    public static Factor Longer(long places) => new(FactorKind.Longer, places);

    public static Factor Fixed(long size) => new(FactorKind.Fixed, size);
}

/// <summary>An axis of a tensor, as the product of what it was joined from, outermost first.</summary>
/// <param name="Factors">The factors; none for an axis of size 1.</param>
internal sealed record Axis(IReadOnlyList<Factor> Factors)
{
    public static Axis Batch { get; } = new([Factor.Batch]);

    public static Axis Time { get; } = new([Factor.Time]);

    public bool HasTime => Factors.Any(factor => factor.Kind is FactorKind.Time or FactorKind.Longer);

    /// <summary>Tells whether the axis has places beside the positions.</summary>
    public bool IsLonger => Factors.Any(factor => factor.Kind == FactorKind.Longer);

    public bool HasBatch => Factors.Any(factor => factor.Kind == FactorKind.Batch);

    public bool IsFixed => Factors.All(factor => factor.Kind == FactorKind.Fixed);

    public bool IsTime => Factors is [{ Kind: FactorKind.Time }];

    public bool IsBatch => Factors is [{ Kind: FactorKind.Batch }];

    /// <summary>The product of the fixed factors.</summary>
    public long FixedSize => Factors.Where(factor => factor.Kind == FactorKind.Fixed)
        .Aggregate(1L, (product, factor) => product * factor.Size);

    public static Axis Fixed(long size) => new(size == 1 ? [] : [Factor.Fixed(size)]);

    /// <summary>The axis of some factors; fixed ones side by side are one.</summary>
    public static Axis Joined(IReadOnlyList<Factor> factors)
    {
        List<Factor> joined = [];
        foreach (var factor in factors)
        {
            if (factor.Kind == FactorKind.Fixed && joined is [.., { Kind: FactorKind.Fixed } before])
            {
                joined[^1] = Factor.Fixed(before.Size * factor.Size);
            }
            else
            {
                joined.Add(factor);
            }
        }

        return new Axis(joined);
    }

    public bool Equals(Axis? other) => other is not null && Factors.SequenceEqual(other.Factors);

    public override int GetHashCode() => Factors.Count;
}

/// <summary>An integer of a graph as an expression of the sizes of its input: c · batchᵇ · timeᵗ + offset.</summary>
/// <param name="Factor">c.</param>
/// <param name="Batch">b.</param>
/// <param name="Time">t.</param>
/// <param name="Offset">The offset.</param>
internal readonly record struct SizeForm(long Factor, int Batch, int Time, long Offset)
{
    private static readonly (int Batch, int Time)[] Powers = [(0, 1), (1, 0), (1, 1), (0, 2), (1, 2)];

    public bool IsFixed => Batch == 0 && Time == 0;

    /// <summary>The number, where it is fixed.</summary>
    public long Value => Factor + Offset;

    /// <summary>Finds the expression that holds in all runs; null where there is none.</summary>
    public static SizeForm? Find(IReadOnlyList<long> values, IReadOnlyList<(long Batch, long Time)> runs)
    {
        if (values.All(value => value == values[0]))
        {
            return new(values[0], 0, 0, 0);
        }

        foreach (var (batch, time) in Powers)
        {
            var units = runs.Select(run => Power(run.Batch, batch) * Power(run.Time, time)).ToArray();
            var factor = values[0] / units[0];
            if (values.Zip(units).All(pair => pair.First == factor * pair.Second))
            {
                return new(factor, batch, time, 0);
            }
        }

        var (rise, run) = (values[1] - values[0], runs[1].Time - runs[0].Time);
        if (run == 0 || rise % run != 0)
        {
            return null;
        }

        SizeForm line = new(rise / run, 0, 1, values[0] - (rise / run * runs[0].Time));
        return values.Zip(runs).All(pair => pair.First == (line.Factor * pair.Second.Time) + line.Offset) ? line : null;
    }

    private static long Power(long number, int exponent) => exponent switch
    {
        0 => 1,
        1 => number,
        _ => number * number,
    };
}
