using System.Globalization;

namespace Slipway.Tracing;

/// <summary>An integer that a module computed, as it was in each run.</summary>
/// <remarks>
/// Arithmetic is done run by run; what the graph is to compute is found from the runs only where the size is needed.
/// </remarks>
public sealed class TracedSize : IEquatable<TracedSize>
{
    private readonly long[] _runs;

    internal TracedSize(params long[] runs) => _runs = runs;

    /// <summary>The integer in each run.</summary>
    public IReadOnlyList<long> Runs => _runs;

    /// <summary>Tells whether it was the same in every run.</summary>
    public bool IsFixed => Array.TrueForAll(_runs, value => value == _runs[0]);

    /// <summary>The integer of the first run, which is that of every run where it is fixed.</summary>
    public long Value => _runs[0];

    internal string Key => string.Join(',', _runs);

    /// <summary>An integer that is the same in every run.</summary>
    public TracedSize Fixed(long value) => Map(_ => value);

    /// <summary>Computes another integer from this one, run by run.</summary>
    public TracedSize Map(Func<long, long> function) => new(Array.ConvertAll(_runs, value => function(value)));

    /// <summary>Computes another integer from this one and a second, run by run.</summary>
    public TracedSize Map(TracedSize other, Func<long, long, long> function)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new([.. _runs.Zip(other._runs, function)]);
    }

    /// <summary>The sum.</summary>
    public static TracedSize operator +(TracedSize left, TracedSize right) => left.Map(right, (a, b) => a + b);

    /// <summary>The difference.</summary>
    public static TracedSize operator -(TracedSize left, TracedSize right) => left.Map(right, (a, b) => a - b);

    /// <summary>The product.</summary>
    public static TracedSize operator *(TracedSize left, TracedSize right) => left.Map(right, (a, b) => a * b);

    /// <summary>The sum.</summary>
    public static TracedSize Add(TracedSize left, TracedSize right) => left + right;

    /// <summary>The difference.</summary>
    public static TracedSize Subtract(TracedSize left, TracedSize right) => left - right;

    /// <summary>The product.</summary>
    public static TracedSize Multiply(TracedSize left, TracedSize right) => left * right;

    /// <summary>Tells whether two integers were the same in every run.</summary>
    public bool Equals(TracedSize? other) => other is not null && _runs.AsSpan().SequenceEqual(other._runs);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TracedSize);

    /// <inheritdoc/>
    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);

    /// <summary>Returns the integer, or those of all runs.</summary>
    public override string ToString() => IsFixed ? Value.ToString(CultureInfo.InvariantCulture) : $"[{Key}]";
}
