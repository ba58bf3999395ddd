using System.Text.Json;
using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>Reads what a schema says of arrays.</summary>
internal static class SchemaArrays
{
    public static ValueSet Items(SchemaPart part, SchemaReader reader)
    {
        if (part.Find("items") is { ValueKind: JsonValueKind.Array } list)
        {
            throw SchemaReader.Malformed(part.PathOf("items"), list, "a schema; a list of schemas is 'prefixItems'");
        }

        var shape = new ArrayShape
        {
            Prefix = part.Has("prefixItems")
                ? [.. part.List("prefixItems").Select(item => Formula.Of(reader.Nodes.Schema(item.Path, item.Value)))]
                : [],
            Rest = part.Schema("items", reader.Nodes) ?? Formula.True,
            Min = part.Count("minItems") ?? 0,
            Max = part.Count("maxItems"),
            IsUnique = part.Flag("uniqueItems") == true,
        };
        return ValueSet.All with { Arrays = shape.IsEmpty ? [] : [shape] };
    }

    public static ValueSet Contains(SchemaPart part, SchemaReader reader)
    {
        var (min, max) = (part.Count("minContains") ?? 1, part.Count("maxContains"));
        if (part.Schema("contains", reader.Nodes) is not { } item || (min == 0 && max is null))
        {
            return ValueSet.All;
        }

        return ValueSet.All with
        {
            Arrays = max < min ? [] : [new() { Contains = [new(item, 0, min, max)] }],
        };
    }
}
