using System.Collections.Immutable;

namespace Slipway.Guidance.Json.Values;

/// <summary>Numbers within bounds. Immutable.</summary>
internal sealed record NumberRange
{
    public static NumberRange All { get; } = new();

    public static NumberRange Integers { get; } = new() { Multiples = [JsonDecimal.One] };

    /// <summary>The bounds; null for none.</summary>
    public JsonDecimal? Min { get; init; }

    public JsonDecimal? Max { get; init; }

    /// <summary>Tells whether a bound is itself not among the numbers.</summary>
    public bool ExcludesLeast { get; init; }

    public bool ExcludesMost { get; init; }

    /// <summary>Divisors of all numbers.</summary>
    public ImmutableList<JsonDecimal> Multiples { get; init; } = [];

    /// <summary>Divisors of none of the numbers.</summary>
    public ImmutableList<JsonDecimal> NoMultiples { get; init; } = [];

    public bool IsAll => Min is null && Max is null && Multiples.Count == 0 && NoMultiples.Count == 0;

    /// <summary>Tells whether they are all integers and nothing else.</summary>
    public bool IsIntegers
        => this is { Min: null, Max: null, NoMultiples.Count: 0, Multiples: [var only] } && only == JsonDecimal.One;

    /// <summary>Tells whether the bounds leave no number.</summary>
    public bool IsEmpty => Min is { } min && Max is { } max
        && (min.CompareTo(max) > 0 || (min.CompareTo(max) == 0 && (ExcludesLeast || ExcludesMost)));

    public static NumberRange Of(JsonDecimal value) => new() { Min = value, Max = value };

    public NumberRange Intersect(NumberRange other)
    {
        var (lower, upper) = (Compare(Min, other.Min, min: true), Compare(Max, other.Max, min: false));
        return new()
        {
            Min = lower >= 0 ? Min : other.Min,
            ExcludesLeast = lower > 0
                ? ExcludesLeast : lower < 0 ? other.ExcludesLeast : ExcludesLeast || other.ExcludesLeast,
            Max = upper >= 0 ? Max : other.Max,
            ExcludesMost = upper > 0
                ? ExcludesMost : upper < 0 ? other.ExcludesMost : ExcludesMost || other.ExcludesMost,
            Multiples = Multiples.AddRange(other.Multiples.Except(Multiples)),
            NoMultiples = NoMultiples.AddRange(other.NoMultiples.Except(NoMultiples)),
        };
    }

    /// <summary>All other numbers.</summary>
    public IEnumerable<NumberRange> Complement()
    {
        if (Min is { } min)
        {
            yield return new() { Max = min, ExcludesMost = !ExcludesLeast };
        }

        if (Max is { } max)
        {
            yield return new() { Min = max, ExcludesLeast = !ExcludesMost };
        }

        foreach (var multiple in Multiples)
        {
            yield return new() { NoMultiples = [multiple] };
        }

        foreach (var multiple in NoMultiples)
        {
            yield return new() { Multiples = [multiple] };
        }
    }

    // Above zero where the first bound is the tighter one.
    private static int Compare(JsonDecimal? x, JsonDecimal? y, bool min)
        => (x, y) switch
        {
            (null, null) => 0,
            (_, null) => 1,
            (null, _) => -1,
            ({ } a, { } b) => min ? a.CompareTo(b) : b.CompareTo(a),
        };
}
