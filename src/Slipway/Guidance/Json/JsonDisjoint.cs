using System.Text.Json;

namespace Slipway.Guidance.Json;

/// <summary>Tells whether no value can satisfy two of several schemas, which makes <c>oneOf</c> the same as <c>anyOf</c>.</summary>
internal static class JsonDisjoint
{
    /// <summary>Whether this can be told from the schemas' types and fixed values alone.</summary>
    public static bool Are(IReadOnlyList<JsonElement> schemas)
    {
        for (var i = 0; i < schemas.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (!Are(schemas[i], schemas[j]))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static bool Are(JsonElement x, JsonElement y)
    {
        if (x.ValueKind != JsonValueKind.Object || y.ValueKind != JsonValueKind.Object)
        {
            return false;
        }

        if (Types(x) is { } types && Types(y) is { } others && !types.Intersect(others).Any())
        {
            return true;
        }

        return Values(x) is { } values && Values(y) is { } otherValues
            ? !values.Intersect(otherValues).Any()
            : Required(x).Intersect(Required(y)).Any(name => Property(x, name) is { } p && Property(y, name) is { } q
                && Values(p) is { } ps && Values(q) is { } qs && !ps.Intersect(qs).Any());
    }

    // An integer is a number too, so both count as one.
    private static string?[]? Types(JsonElement schema)
        => !schema.TryGetProperty("type", out var type) ? null
            : (type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(item => item.ToString()) : [type.ToString()])
                .Select(name => name == "integer" ? "number" : name).ToArray();

    private static string[]? Values(JsonElement schema)
        => schema.TryGetProperty("const", out var value) && value.ValueKind == JsonValueKind.String ? [value.GetString()!]
            : schema.TryGetProperty("enum", out var list) && list.ValueKind == JsonValueKind.Array
                && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
                ? [.. list.EnumerateArray().Select(item => item.GetString()!)]
                : null;

    private static IEnumerable<string> Required(JsonElement schema)
        => Types(schema) is ["object"] && schema.TryGetProperty("required", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select(item => item.ToString())
            : [];

    private static JsonElement? Property(JsonElement schema, string name)
        => schema.TryGetProperty("properties", out var properties) && properties.ValueKind == JsonValueKind.Object
            && properties.TryGetProperty(name, out var property) && property.ValueKind == JsonValueKind.Object
            ? property
            : null;
}
