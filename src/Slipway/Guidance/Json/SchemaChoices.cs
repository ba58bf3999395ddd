using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>Reads what a schema says by other schemas of the same value.</summary>
internal static class SchemaChoices
{
    public static ValueSet AllOf(SchemaPart part, SchemaReader reader)
        => Nodes(part, "allOf", reader).Aggregate(ValueSet.All, (set, node) => set.Intersect(reader.Read(node)));

    public static ValueSet AnyOf(SchemaPart part, SchemaReader reader)
        => Nodes(part, "anyOf", reader).Aggregate(ValueSet.None, (set, node) => set.Union(reader.Read(node)));

    public static ValueSet OneOf(SchemaPart part, SchemaReader reader)
    {
        var choices = Nodes(part, "oneOf", reader);
        return choices.Select(
            (choice, i) => choices.Where((_, j) => j != i).Aggregate(reader.Read(choice), WithoutOther))
            .Aggregate(ValueSet.None, (all, set) => all.Union(set));

        ValueSet WithoutOther(ValueSet set, int other)
        {
            var both = set.Intersect(reader.Read(other));
            return Emptiness.IsSure(both, reader) ? set : set.Intersect(reader.Others(other));
        }
    }

    public static ValueSet Not(SchemaPart part, SchemaReader reader)
        => reader.Others(reader.Nodes.Schema(part.PathOf("not"), part.Value.GetProperty("not")));

    public static ValueSet If(SchemaPart part, SchemaReader reader)
    {
        if (part.Find("if") is not { } condition)
        {
            return ValueSet.All;
        }

        var node = reader.Nodes.Schema(part.PathOf("if"), condition);
        return Branch("then") is { } then && Branch("else") is var otherwise
            ? reader.Read(node).Intersect(then)
            .Union(otherwise is null ? reader.Others(node) : reader.Others(node).Intersect(otherwise))
            : Branch("else") is { } only ? reader.Read(node).Union(reader.Others(node).Intersect(only))
            : ValueSet.All;

        ValueSet? Branch(string keyword)
            => part.Find(keyword) is { } value ? reader.Read(reader.Nodes.Schema(part.PathOf(keyword), value)) : null;
    }

    private static int[] Nodes(SchemaPart part, string keyword, SchemaReader reader)
        => [.. part.List(keyword).Select(item => reader.Nodes.Schema(item.Path, item.Value))];
}
