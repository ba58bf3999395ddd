using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>Reads what a schema says of objects.</summary>
internal static class SchemaObjects
{
    public static ValueSet Members(SchemaPart part, SchemaReader reader)
    {
        var properties = new OrderedDictionary<string, Formula>(StringComparer.Ordinal);
        foreach (var (name, path, value) in part.Members("properties"))
        {
            properties[name] = Formula.Of(reader.Nodes.Schema(path, value));
        }

        var patterns = part.Members("patternProperties")
            .Select(
                row => (row.Name, SchemaKeywords.Pattern(row.Name, row.Path),
                Formula.Of(reader.Nodes.Schema(row.Path, row.Value))));
        var others = part.Schema("additionalProperties", reader.Nodes);
        return ValueSet.All with
        {
            Objects = [new() { Layers = [new(properties, [.. patterns], others ?? Formula.True, others is not null)] }],
        };
    }

    public static ValueSet Counts(SchemaPart part, SchemaReader reader)
    {
        var shape = new ObjectShape
        {
            Required = part.Find("required") is { } list
                ? [.. SchemaPart.TextsOf(list, part.PathOf("required")).Distinct()] : [],
            Min = part.Count("minProperties") ?? 0,
            Max = part.Count("maxProperties"),
            Names = part.Schema("propertyNames", reader.Nodes) ?? Formula.True,
        };
        return ValueSet.All with { Objects = shape.IsEmpty ? [] : [shape] };
    }

    public static ValueSet DependentRequired(SchemaPart part)
        => part.Members("dependentRequired").Aggregate(ValueSet.All, (set, row) => set.Intersect(ValueSet.All with
        {
            Objects =
            [
                ObjectShape.Without(row.Name),
                new() { Required = [.. SchemaPart.TextsOf(row.Value, row.Path).Distinct()] },
            ],
        }));

    public static ValueSet DependentSchemas(SchemaPart part, SchemaReader reader)
        => part.Members("dependentSchemas").Aggregate(ValueSet.All, (set, row) => set.Intersect(
            (ValueSet.All with { Objects = [ObjectShape.Without(row.Name)] })
                .Union(reader.Read(reader.Nodes.Schema(row.Path, row.Value)))));
}
