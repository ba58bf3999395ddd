using System.Collections.Immutable;

namespace Slipway.Guidance.Json.Values;

/// <summary>Objects by their members. Immutable.</summary>
internal sealed record ObjectShape
{
    private const int MaxNamesOfOthers = 5;
    private const int MaxLayers = 256;

    public static ObjectShape All { get; } = new();

    /// <summary>Rules of the members; all of the layers hold.</summary>
    public ImmutableList<MemberLayer> Layers { get; init; } = [];

    /// <summary>The names that there are.</summary>
    public ImmutableList<string> Required { get; init; } = [];

    /// <summary>Number of members.</summary>
    public int Min { get; init; }

    public int? Max { get; init; }

    /// <summary>Values of the names.</summary>
    public Formula Names { get; init; } = Formula.True;

    public bool IsAll => this is { Layers.Count: 0, Required.Count: 0, Min: 0, Max: null, Names.IsTrue: true };

    public bool IsEmpty => Min > Max || Required.Count > Max;

    /// <summary>Objects without a member.</summary>
    public static ObjectShape Without(string name) => new() { Layers = [MemberLayer.Of(name, Formula.False)] };

    /// <exception cref="UnguaranteedException">There are too many schemas of one object.</exception>
    public ObjectShape Intersect(ObjectShape other) => new()
    {
        Layers = Layers.Count + other.Layers.Count <= MaxLayers
            ? Layers.AddRange(other.Layers.Except(Layers))
            : throw new UnguaranteedException($"more than {MaxLayers} schemas of one object"),
        Required = Required.AddRange(other.Required.Except(Required)),
        Min = Math.Max(Min, other.Min),
        Max = Max is { } max && other.Max is { } others ? Math.Min(max, others) : Max ?? other.Max,
        Names = Names.And(other.Names),
    };

    /// <summary>All other objects.</summary>
    /// <exception cref="UnguaranteedException">They cannot be told; the message names the keyword.</exception>
    public IEnumerable<ObjectShape> Complement()
    {
        foreach (var name in Required)
        {
            yield return Without(name);
        }

        if (Min > 0)
        {
            yield return new() { Max = Min - 1 };
        }

        if (Max is { } max)
        {
            yield return new() { Min = max + 1 };
        }

        if (!Names.IsTrue)
        {
            throw new UnguaranteedException("'propertyNames'");
        }

        foreach (var shape in Layers.SelectMany(Complement))
        {
            yield return shape;
        }
    }

    private static IEnumerable<ObjectShape> Complement(MemberLayer layer)
    {
        if (layer.Patterns.Count > 0)
        {
            throw new UnguaranteedException("'patternProperties'");
        }

        foreach (var (name, value) in layer.Properties)
        {
            foreach (var not in value.Complement())
            {
                yield return new() { Required = [name], Layers = [MemberLayer.Of(name, not)] };
            }
        }

        if (layer.Others.IsTrue)
        {
            yield break;
        }

        if (!layer.Others.IsFalse || layer.Properties.Count > MaxNamesOfOthers)
        {
            throw new UnguaranteedException("'additionalProperties'");
        }

        // There is a member of another name where there are more members than of those that are named.
        var names = layer.Properties.Keys.ToArray();
        for (var present = 0; present < 1 << names.Length; present++)
        {
            var has = names.Where((_, i) => (present & (1 << i)) != 0).ToArray();
            yield return names.Except(has).Aggregate(
                new ObjectShape { Required = [.. has], Min = has.Length + 1 },
                (shape, absent) => shape.Intersect(Without(absent)));
        }
    }
}
