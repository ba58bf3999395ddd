using System.Collections.Immutable;

namespace Slipway.Guidance.Json.Values;

/// <summary>Arrays by their items. Immutable.</summary>
internal sealed record ArrayShape
{
    public static ArrayShape All { get; } = new();

    /// <summary>Values of the first items, one by one.</summary>
    public ImmutableList<Formula> Prefix { get; init; } = [];

    /// <summary>Values of all others.</summary>
    public Formula Rest { get; init; } = Formula.True;

    /// <summary>Number of items.</summary>
    public int Min { get; init; }

    public int? Max { get; init; }

    /// <summary>Of what there is a number among the items.</summary>
    public ImmutableList<Containment> Contains { get; init; } = [];

    /// <summary>Tells whether no two items are equal.</summary>
    public bool IsUnique { get; init; }

    public bool IsAll
        => this is { Prefix.Count: 0, Rest.IsTrue: true, Min: 0, Max: null, Contains.Count: 0, IsUnique: false };

    public bool IsEmpty => Min > Max;

    /// <summary>Values of an item.</summary>
    public Formula At(int index) => index < Prefix.Count ? Prefix[index] : Rest;

    public ArrayShape Intersect(ArrayShape other) => new()
    {
        Prefix = [
            .. Enumerable.Range(0, Math.Max(Prefix.Count, other.Prefix.Count)).Select(i => At(i).And(other.At(i)))],
        Rest = Rest.And(other.Rest),
        Min = Math.Max(Min, other.Min),
        Max = Max is { } max && other.Max is { } others ? Math.Min(max, others) : Max ?? other.Max,
        Contains = Contains.AddRange(other.Contains),
        IsUnique = IsUnique || other.IsUnique,
    };

    /// <summary>All other arrays.</summary>
    /// <exception cref="UnguaranteedException">They cannot be told; the message names the keyword.</exception>
    public IEnumerable<ArrayShape> Complement()
    {
        if (IsUnique)
        {
            throw new UnguaranteedException("'uniqueItems'");
        }

        if (Min > 0)
        {
            yield return new() { Max = Min - 1 };
        }

        if (Max is { } max)
        {
            yield return new() { Min = max + 1 };
        }

        for (var i = 0; i < Prefix.Count; i++)
        {
            foreach (var not in Prefix[i].Complement())
            {
                yield return new() { Prefix = [.. Enumerable.Repeat(Formula.True, i), not], Min = i + 1 };
            }
        }

        foreach (var not in Rest.Complement())
        {
            yield return new() { Contains = [new(not, Prefix.Count, 1, null)] };
        }

        foreach (var containment in Contains)
        {
            if (containment.Min > 0)
            {
                yield return new() { Contains = [containment with { Min = 0, Max = containment.Min - 1 }] };
            }

            if (containment.Max is { } maxOf)
            {
                yield return new() { Contains = [containment with { Min = maxOf + 1, Max = null }] };
            }
        }
    }
}

/// <summary>Number of an array's items that are of a kind.</summary>
/// <param name="Item">The kind.</param>
/// <param name="From">The first item that counts.</param>
/// <param name="Min">The fewest.</param>
/// <param name="Max">The most; null for any number.</param>
internal sealed record Containment(Formula Item, int From, int Min, int? Max);
