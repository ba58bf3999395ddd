using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Chat;

namespace Slipway;

/// <summary>One call as a model wrote it.</summary>
/// <param name="Name">The function's name.</param>
/// <param name="Arguments">The arguments by name.</param>
public readonly record struct ToolCall(string Name, IReadOnlyDictionary<string, object?> Arguments)
{
    private static readonly string[] NameKeys = ["name", "tool_name"];
    private static readonly string[] ArgumentKeys = ["arguments", "parameters", "args"];

    // As Python's json.dumps writes it, which is what models were trained on: a blank after each comma and colon.
    private static readonly JsonSerializerOptions Compact = new(AIJsonUtilities.DefaultOptions)
    {
        WriteIndented = false,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Reads a call of the form <c>{"name": …, "arguments": {…}}</c>.</summary>
    /// <remarks>
    /// Arguments may also be called <c>parameters</c>, and all of it may stand in <c>function</c>, as in OpenAI's API.
    /// </remarks>
    /// <param name="call">The call.</param>
    /// <exception cref="JsonException">The element is not such an object.</exception>
    public static ToolCall Read(JsonElement call)
    {
        if (call.ValueKind == JsonValueKind.Object
            && call.TryGetProperty("function", out var inner) && inner.ValueKind == JsonValueKind.Object)
        {
            return Read(inner);
        }

        return Find(call, NameKeys) is { ValueKind: JsonValueKind.String } name
            && name.GetString() is { Length: > 0 } text
            ? new(text, Find(call, ArgumentKeys) is { } arguments ? ReadArguments(arguments) : [])
            : throw new JsonException("A call must be a JSON object with a 'name' that is a string.");
    }

    /// <summary>Reads a JSON object of arguments, or a string that holds one.</summary>
    /// <param name="arguments">The arguments.</param>
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

    /// <summary>Reads a JSON object of arguments.</summary>
    /// <param name="json">The object's text.</param>
    /// <exception cref="JsonException">The text is no such object.</exception>
    public static Dictionary<string, object?> ReadArguments(string json)
    {
        using var document = JsonDocument.Parse(json);
        return ReadArguments(document.RootElement);
    }

    /// <summary>Writes the arguments as a JSON object.</summary>
    public string WriteArguments() => WriteValue(Arguments);

    /// <summary>Tells whether an element has arguments under one of their names.</summary>
    internal static bool HasArguments(JsonElement call)
        => call.ValueKind == JsonValueKind.Object && Find(call, ArgumentKeys) is not null;

    /// <summary>Writes a value as JSON.</summary>
    internal static string WriteValue(object? value)
        => PythonJson.Write(JsonSerializer.SerializeToElement(value, Compact.GetTypeInfo(typeof(object))));

    /// <summary>Writes the value of an argument where strings stand without quotes.</summary>
    internal static string WritePlain(object? value) => value switch
    {
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } text => text.GetString()!,
        _ => WriteValue(value),
    };

    /// <summary>Tells whether an argument is a string.</summary>
    internal static bool IsText(object? value) => value is string or JsonElement { ValueKind: JsonValueKind.String };

    private static JsonElement? Find(JsonElement call, string[] keys)
    {
        foreach (var key in keys)
        {
            if (call.ValueKind == JsonValueKind.Object && call.TryGetProperty(key, out var value))
            {
                return value;
            }
        }

        return null;
    }
}
