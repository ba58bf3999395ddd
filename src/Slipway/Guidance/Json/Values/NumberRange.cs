using System.Collections.Immutable;

namespace Slipway.Guidance.Json.Values;

/// <summary>Numbers within bounds. Immutable.</summary>
internal sealed record NumberRange
{
    public static NumberRange All { get; } = new();

    public static NumberRange Integers { get; } = new() { Multiples = [JsonDecimal.One] };

    /// <summary>The bounds; null for none.</summary>
    public JsonDecimal? Least { get; init; }

    public JsonDecimal? Most { get; init; }

    /// <summary>Whether a bound is itself not among the numbers.</summary>
    public bool ExcludesLeast { get; init; }

    public bool ExcludesMost { get; init; }

    /// <summary>What all numbers are multiples of.</summary>
    public ImmutableList<JsonDecimal> Multiples { get; init; } = [];

    /// <summary>What none of the numbers is a multiple of.</summary>
    public ImmutableList<JsonDecimal> NoMultiples { get; init; } = [];

    public bool IsAll => Least is null && Most is null && Multiples.Count == 0 && NoMultiples.Count == 0;

    /// <summary>Whether they are all integers and nothing else.</summary>
    public bool IsIntegers => this is { Least: null, Most: null, NoMultiples.Count: 0, Multiples: [var only] } && only == JsonDecimal.One;

    /// <summary>Whether the bounds leave no number.</summary>
    public bool IsEmpty => Least is { } least && Most is { } most
        && (least.CompareTo(most) > 0 || (least.CompareTo(most) == 0 && (ExcludesLeast || ExcludesMost)));

    public static NumberRange Of(JsonDecimal value) => new() { Least = value, Most = value };

    public NumberRange Intersect(NumberRange other)
    {
        var (lower, upper) = (Compare(Least, other.Least, least: true), Compare(Most, other.Most, least: false));
        return new()
        {
            Least = lower >= 0 ? Least : other.Least,
            ExcludesLeast = lower > 0 ? ExcludesLeast : lower < 0 ? other.ExcludesLeast : ExcludesLeast || other.ExcludesLeast,
            Most = upper >= 0 ? Most : other.Most,
            ExcludesMost = upper > 0 ? ExcludesMost : upper < 0 ? other.ExcludesMost : ExcludesMost || other.ExcludesMost,
            Multiples = Multiples.AddRange(other.Multiples.Except(Multiples)),
            NoMultiples = NoMultiples.AddRange(other.NoMultiples.Except(NoMultiples)),
        };
    }

    /// <summary>All other numbers.</summary>
    public IEnumerable<NumberRange> Complement()
    {
        if (Least is { } least)
        {
            yield return new() { Most = least, ExcludesMost = !ExcludesLeast };
        }

        if (Most is { } most)
        {
            yield return new() { Least = most, ExcludesLeast = !ExcludesMost };
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
    private static int Compare(JsonDecimal? x, JsonDecimal? y, bool least)
        => (x, y) switch
        {
            (null, null) => 0,
            (_, null) => 1,
            (null, _) => -1,
            ({ } a, { } b) => least ? a.CompareTo(b) : b.CompareTo(a),
        };
}
