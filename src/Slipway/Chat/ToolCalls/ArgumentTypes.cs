using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Gives arguments that stand in a call without quotes the types of the function's schema.</summary>
internal readonly struct ArgumentTypes
{
    private readonly JsonElement _properties;

    private ArgumentTypes(JsonElement properties) => _properties = properties;

    /// <summary>The types of a function's arguments; none are known of a function that is not offered.</summary>
    public static ArgumentTypes Of(IReadOnlyList<AIFunctionDeclaration> functions, string name)
        => functions.FirstOrDefault(function => function.Name == name)?.JsonSchema is { } schema
            && schema.ValueKind == JsonValueKind.Object
            && schema.TryGetProperty("properties", out var properties)
            && properties.ValueKind == JsonValueKind.Object
                ? new(properties) : default;

    /// <summary>Tells whether a schema takes nothing but strings.</summary>
    public static bool IsText(JsonElement schema)
        => schema.ValueKind == JsonValueKind.Object
            && (schema.TryGetProperty("type", out var type)
                ? Names(type).All(name => name is "string" or "null") && Names(type).Any(name => name == "string")
                : schema.TryGetProperty("enum", out var values) && values.ValueKind == JsonValueKind.Array
                    && values.EnumerateArray().All(value => value.ValueKind == JsonValueKind.String));

    /// <summary>Reads a value that stands between tags, on lines of its own or not.</summary>
    /// <remarks>
    /// A string of the schema is what stands there, whatever it looks like. Where the schema says something else, or
    /// nothing, numbers, booleans, lists and objects are JSON, and all other texts are strings.
    /// </remarks>
    public object? Read(string name, string text)
    {
        var value = text.StartsWith('\n') ? text[1..] : text;
        value = value.EndsWith('\n') ? value[..^1] : value;
        var isText = _properties.ValueKind == JsonValueKind.Object
            && _properties.TryGetProperty(name, out var schema) && IsText(schema);
        if (isText || value.Length == 0 || value[0] == '"')
        {
            return value;
        }

        try
        {
            using var document = JsonDocument.Parse(value);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return value switch
            {
                "True" => true,
                "False" => false,
                "None" => null,
                _ => value,
            };
        }
    }

    private static IEnumerable<string> Names(JsonElement type)
        => type.ValueKind == JsonValueKind.Array 
            ? type.EnumerateArray().Select(name => name.ToString()) : [type.ToString()];
}
