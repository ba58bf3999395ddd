using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Chat;

/// <summary>Writes the schemas of tools for templates that read no others: one type and a description each.</summary>
/// <remarks>
/// Some templates turn schemas into Python's types, and call themselves without end over a list of types, or raise over
/// a description that is missing. Calls are held to the schema that was given.
/// </remarks>
internal static class PlainSchema
{
    /// <summary>Converts the schemas of tools.</summary>
    public static JsonArray Of(JsonArray tools)
    {
        var result = (JsonArray)tools.DeepClone();
        foreach (var tool in result)
        {
            var parameters = (JsonObject)tool!["function"]!["parameters"]!;
            ConvertAll((JsonObject)parameters["properties"]!);
        }

        return result;
    }

    private static void ConvertAll(JsonObject properties)
    {
        foreach (var (name, schema) in properties.ToList())
        {
            properties[name] = Convert(schema as JsonObject, isProperty: true);
        }
    }

    private static JsonObject Convert(JsonObject? given, bool isProperty = false)
    {
        var schema = (JsonObject?)given?.DeepClone() ?? [];
        foreach (var choices in (string[])["anyOf", "oneOf", "allOf"])
        {
            if (schema[choices] is not JsonArray list)
            {
                continue;
            }

            schema.Remove(choices);
            foreach (var (key, value) in list.OfType<JsonObject>().FirstOrDefault(IsSomething) ?? [])
            {
                schema.TryAdd(key, value?.DeepClone());
            }
        }

        schema["type"] = TypeOf(schema);
        if (isProperty)
        {
            schema.TryAdd("description", "");
        }

        if (schema["properties"] is JsonObject properties)
        {
            ConvertAll(properties);
        }

        if ((string?)schema["type"] == "array")
        {
            schema["items"] = Convert(schema["items"] as JsonObject);
        }

        schema.Remove("additionalProperties", out var others);
        if ((string?)schema["type"] == "object")
        {
            schema["additionalProperties"] = Convert(others as JsonObject);
        }

        return schema;
    }

    private static bool IsSomething(JsonObject schema) => (schema["type"] as JsonValue)?.ToString() != "null";

    private static string TypeOf(JsonObject schema) => schema["type"] switch
    {
        JsonArray types => types.Select(type => type?.ToString()).FirstOrDefault(type => type is not (null or "null"))
            ?? "string",
        JsonValue type when type.GetValueKind() == JsonValueKind.String => type.ToString(),
        _ when schema.ContainsKey("properties") => "object",
        _ when schema["enum"] is JsonArray values && values.FirstOrDefault(value => value is not null) is { } first
            => first.GetValueKind() switch
            {
                JsonValueKind.Number => "number",
                JsonValueKind.True or JsonValueKind.False => "boolean",
                _ => "string",
            },
        _ => "string",
    };
}
