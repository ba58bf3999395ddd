using System.Text.Json;

namespace Slipway.Chat;

/// <summary>One call as a model wrote it.</summary>
/// <param name="Name">The function's name.</param>
/// <param name="Arguments">The arguments by name.</param>
internal readonly record struct ToolCall(string Name, Dictionary<string, object?> Arguments)
{
    /// <summary>Reads a call of the form <c>{"name": …, "arguments": {…}}</c>.</summary>
    /// <exception cref="JsonException">The element is not such an object.</exception>
    public static ToolCall Read(JsonElement call, string argumentsKey = "arguments")
    {
        if (call.ValueKind != JsonValueKind.Object
            || !call.TryGetProperty("name", out var name)
            || name.ValueKind != JsonValueKind.String
            || name.GetString() is not { Length: > 0 } text)
        {
            throw new JsonException("A call must be a JSON object with a 'name' that is a string.");
        }

        return new(text, call.TryGetProperty(argumentsKey, out var arguments) ? ReadArguments(arguments) : []);
    }

    /// <summary>Reads a JSON object of arguments, or a string that holds one.</summary>
    /// <exception cref="JsonException">The element is neither.</exception>
    public static Dictionary<string, object?> ReadArguments(JsonElement arguments)
    {
        switch (arguments.ValueKind)
        {
            case JsonValueKind.Object:
                var result = new Dictionary<string, object?>(StringComparer.Ordinal);
                foreach (var property in arguments.EnumerateObject())
                {
                    result[property.Name] = property.Value.Clone();
                }

                return result;
            case JsonValueKind.Null:
                return [];
            case JsonValueKind.String:
                using (var inner = JsonDocument.Parse(arguments.GetString()!))
                {
                    return inner.RootElement.ValueKind == JsonValueKind.String
                        ? throw new JsonException("The arguments are a string inside a string; an object was expected.")
                        : ReadArguments(inner.RootElement);
                }

            default:
                throw new JsonException($"The arguments are of kind '{arguments.ValueKind}'; an object was expected.");
        }
    }

    /// <summary>Reads a value that formats without JSON write between tags.</summary>
    /// <remarks>
    /// Numbers, booleans, lists and objects are JSON; everything else is a string, on lines of its own or not.
    /// </remarks>
    public static object? ReadValue(string text)
    {
        var value = text.StartsWith('\n') ? text[1..] : text;
        value = value.EndsWith('\n') ? value[..^1] : value;
        if (value.Length == 0 || value[0] == '"')
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
            return value;
        }
    }
}
