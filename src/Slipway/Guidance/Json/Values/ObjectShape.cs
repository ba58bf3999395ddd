using System.Collections.Immutable;

namespace Slipway.Guidance.Json.Values;

/// <summary>Objects by their members. Immutable.</summary>
internal sealed record ObjectShape
{
    private const int MostNamesOfOthers = 5;
    private const int MostLayers = 256;

    public static ObjectShape All { get; } = new();

    /// <summary>What the members are; all of the layers hold.</summary>
    public ImmutableList<MemberLayer> Layers { get; init; } = [];

    /// <summary>The names that there are.</summary>
    public ImmutableList<string> Required { get; init; } = [];

    /// <summary>How many members there are.</summary>
    public int Least { get; init; }

    public int? Most { get; init; }

    /// <summary>What the names are.</summary>
    public Formula Names { get; init; } = Formula.True;

    public bool IsAll => this is { Layers.Count: 0, Required.Count: 0, Least: 0, Most: null, Names.IsTrue: true };

    public bool IsEmpty => Least > Most || Required.Count > Most;

    /// <summary>Objects without a member.</summary>
    public static ObjectShape Without(string name) => new() { Layers = [MemberLayer.Of(name, Formula.False)] };

    /// <exception cref="UnguaranteedException">There are too many schemas of one object.</exception>
    public ObjectShape Intersect(ObjectShape other) => new()
    {
        Layers = Layers.Count + other.Layers.Count <= MostLayers
            ? Layers.AddRange(other.Layers.Except(Layers))
            : throw new UnguaranteedException($"more than {MostLayers} schemas of one object"),
        Required = Required.AddRange(other.Required.Except(Required)),
        Least = Math.Max(Least, other.Least),
        Most = Most is { } most && other.Most is { } others ? Math.Min(most, others) : Most ?? other.Most,
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

        if (Least > 0)
        {
            yield return new() { Most = Least - 1 };
        }

        if (Most is { } most)
        {
            yield return new() { Least = most + 1 };
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

        if (!layer.Others.IsFalse || layer.Properties.Count > MostNamesOfOthers)
        {
            throw new UnguaranteedException("'additionalProperties'");
        }

        // There is a member of another name where there are more members than of those that are named.
        var names = layer.Properties.Keys.ToArray();
        for (var present = 0; present < 1 << names.Length; present++)
        {
            var has = names.Where((_, i) => (present & (1 << i)) != 0).ToArray();
            yield return names.Except(has).Aggregate(
                new ObjectShape { Required = [.. has], Least = has.Length + 1 },
                (shape, absent) => shape.Intersect(Without(absent)));
        }
    }
}
