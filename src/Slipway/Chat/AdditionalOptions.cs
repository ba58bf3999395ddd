using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>
/// Reads <see cref="ChatOptions.AdditionalProperties"/>; unknown keys are another client's and left alone.
/// </summary>
internal readonly struct AdditionalOptions(AdditionalPropertiesDictionary? properties)
{
    private const string Ids = "numbers by the ids of tokens";

    public double? Number(string key) => Read(key, "a number", value => value switch
    {
        double or float or decimal or int or long or short or byte or sbyte or ushort or uint
            or ulong => Convert.ToDouble(value, CultureInfo.InvariantCulture),
        JsonElement { ValueKind: JsonValueKind.Number } json => json.GetDouble(),
        string text when double.TryParse(text, CultureInfo.InvariantCulture, out var number) => number,
        _ => (double?)null,
    });

    public int? Integer(string key) => Read(key, "a whole number", value => value switch
    {
        int or short or byte or sbyte or ushort => Convert.ToInt32(value, CultureInfo.InvariantCulture),
        long number when number == (int)number => (int)number,
        JsonElement { ValueKind: JsonValueKind.Number } json when json.TryGetInt32(out var number) => number,
        string text when int.TryParse(text, CultureInfo.InvariantCulture, out var number) => number,
        _ => (int?)null,
    });

    public bool? Boolean(string key) => Read(key, "'true' or 'false'", value => value switch
    {
        bool flag => flag,
        JsonElement { ValueKind: JsonValueKind.True } => true,
        JsonElement { ValueKind: JsonValueKind.False } => false,
        string text when bool.TryParse(text, out var flag) => flag,
        _ => (bool?)null,
    });

    /// <summary>A number, or true for none and false for null.</summary>
    public int? Count(string key) => Read(key, "'true', 'false' or a whole number", value => value switch
    {
        bool flag => flag ? 0 : -1,
        int count => count,
        JsonElement { ValueKind: JsonValueKind.True } => 0,
        JsonElement { ValueKind: JsonValueKind.False } => -1,
        JsonElement { ValueKind: JsonValueKind.Number } json when json.TryGetInt32(out var count) => count,
        _ => (int?)null,
    }) is { } read and >= 0 ? read : null;

    public string? Text(string key)
        => properties is null || !properties.TryGetValue(key, out var value) || value is null
            ? null
            : value as string
                ?? (value is JsonElement { ValueKind: JsonValueKind.String } json
                    ? json.GetString()
                    : throw Wrong(key, value, "a text"));

    public JsonObject? Object(string key)
    {
        if (properties is null || !properties.TryGetValue(key, out var value) || value is null)
        {
            return null;
        }

        return value switch
        {
            JsonObject json => (JsonObject)TemplateValues.ToNode(json, $"ChatOptions.AdditionalProperties['{key}']")!,
            JsonElement { ValueKind: JsonValueKind.Object } json
                => (JsonObject)TemplateValues.ToNode(json, $"ChatOptions.AdditionalProperties['{key}']")!,
            IEnumerable<KeyValuePair<string, object?>> pairs => new JsonObject(pairs.Select(
                pair => KeyValuePair.Create(
                    pair.Key,
                    TemplateValues.ToNode(pair.Value, $"ChatOptions.AdditionalProperties['{key}']['{pair.Key}']")))),
            System.Collections.IDictionary
                => TemplateValues.ToNode(value, $"ChatOptions.AdditionalProperties['{key}']") as JsonObject
                    ?? throw Wrong(key, value, "a JSON object"),
            _ => throw Wrong(key, value, "a JSON object"),
        };
    }

    /// <summary>Numbers by the ids of tokens, as a dictionary or as a JSON object whose names are the ids.</summary>
    public IReadOnlyDictionary<int, float>? Biases(string key)
    {
        if (Find(key) is not { } given)
        {
            return null;
        }

        if (given is IEnumerable<KeyValuePair<int, float>> typed)
        {
            return typed.ToDictionary();
        }

        var biases = new Dictionary<int, float>();
        foreach (var (name, value) in Object(key)!)
        {
            biases[int.TryParse(name, CultureInfo.InvariantCulture, out var id) ? id : throw Wrong(key, name, Ids)] =
                value?.GetValueKind() == JsonValueKind.Number ? (float)value.AsValue() : throw Wrong(key, name, Ids);
        }

        return biases;
    }

    /// <summary>Whole numbers in a list.</summary>
    public IReadOnlyList<int>? Integers(string key) => Find(key) switch
    {
        null => null,
        IEnumerable<int> numbers => [.. numbers],
        JsonElement { ValueKind: JsonValueKind.Array } json when json.EnumerateArray()
            .All(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out _))
            => [.. json.EnumerateArray().Select(item => item.GetInt32())],
        var value => throw Wrong(key, value, "a list of whole numbers"),
    };

    public IReadOnlyList<string>? Texts(string key) => Find(key) switch
    {
        null => null,
        string text => [text],
        IEnumerable<string> texts => [.. texts],
        JsonElement { ValueKind: JsonValueKind.Array } json when json.EnumerateArray()
            .All(item => item.ValueKind == JsonValueKind.String)
            => [.. json.EnumerateArray().Select(item => item.GetString()!)],
        JsonElement { ValueKind: JsonValueKind.String } text => [text.GetString()!],
        var value => throw Wrong(key, value, "a list of texts"),
    };

    /// <summary>JSON as text, given so or as a JSON value.</summary>
    public string? Json(string key) => Find(key) switch
    {
        null => null,
        string text => text,
        JsonElement { ValueKind: not JsonValueKind.Undefined } json => json.GetRawText(),
        JsonNode json => TemplateValues.ToText(json, $"ChatOptions.AdditionalProperties['{key}']"),
        var value => throw Wrong(key, value, "JSON"),
    };

    private object? Find(string key)
        => properties is not null && properties.TryGetValue(key, out var value) ? value : null;

    private T? Read<T>(string key, string expected, Func<object, T?> convert)
        where T : struct
        => properties is not null && properties.TryGetValue(key, out var value) && value is not null
            ? convert(value) ?? throw Wrong(key, value, expected)
            : null;

    private static ArgumentException Wrong(string key, object value, string expected)
        => new(
            $"ChatOptions.AdditionalProperties['{key}'] is "
            + $"'{Excerpt.Of(Convert.ToString(value, CultureInfo.InvariantCulture))}' of type "
            + $"'{value.GetType().Name}'; expected {expected}.");
}
