using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>
/// Reads <see cref="ChatOptions.AdditionalProperties"/>; unknown keys are another client's and left alone.
/// </summary>
/// <remarks>
/// Values are read by what they are as JSON, so that it is the same whether a caller, a configuration or a document
/// gave them: numbers of every type and texts that spell them, JSON elements and nodes, lists and dictionaries. Null,
/// JSON's too, is as if the key were not there.
/// </remarks>
/// <param name="properties">The entries; null for none.</param>
/// <param name="owner">The type that has them, for messages.</param>
internal readonly struct AdditionalOptions(
    AdditionalPropertiesDictionary? properties, string owner = nameof(ChatOptions))
{
    // The largest number below which a double holds every whole number.
    private const double MaxWhole = 1L << 53;

    public double? Number(string key) => Read(key, "a number", node => Kind(node) switch
    {
        JsonValueKind.Number => ToNumber(node.ToJsonString()),
        JsonValueKind.String => ToNumber((string)node!),
        _ => null,
    });

    public int? Integer(string key) => Read(key, "a whole number", ToInteger);

    public long? Long(string key) => Read(key, "a whole number", ToWhole);

    public bool? Boolean(string key) => Read(key, "'true' or 'false'", ToBoolean);

    /// <summary>A number, or true for 0 and false for null.</summary>
    public int? Count(string key)
        => Read(key, "'true', 'false' or a whole number", node => ToBoolean(node) switch
        {
            true => 0,
            false => int.MinValue,
            null => ToInteger(node),
        }) is { } count and not int.MinValue ? count : null;

    public string? Text(string key)
        => Read(key, "a text", node => Kind(node) == JsonValueKind.String ? (string?)node : null);

    public JsonObject? Object(string key) => Read(key, "a JSON object", node => node as JsonObject);

    /// <summary>Numbers by the ids of tokens, which a JSON object has as names.</summary>
    public IReadOnlyDictionary<int, float>? Biases(string key)
        => Read(key, "numbers by the ids of tokens", node =>
        {
            var biases = new Dictionary<int, float>();
            foreach (var (name, value) in node as JsonObject ?? [])
            {
                if (!int.TryParse(name, CultureInfo.InvariantCulture, out var id)
                    || Kind(value) != JsonValueKind.Number || ToNumber(value!.ToJsonString()) is not { } bias)
                {
                    return null;
                }

                biases[id] = (float)bias;
            }

            return node is JsonObject ? biases : null;
        });

    /// <summary>Whole numbers in a list, or one alone.</summary>
    public IReadOnlyList<int>? Integers(string key)
        => Read(key, "a list of whole numbers", node => Items(node, item => item is null ? null : ToInteger(item)) is
            { } items && !items.Contains(null) ? [.. items.Select(item => item!.Value)] : (int[]?)null);

    /// <summary>Texts in a list, or one alone.</summary>
    public IReadOnlyList<string>? Texts(string key)
        => Read(key, "a list of texts", node => Items(
            node, item => Kind(item) == JsonValueKind.String ? (string?)item : null) is
            { } items && !items.Contains(null) ? [.. items.Select(item => item!)] : (string[]?)null);

    /// <summary>JSON as text, given so or as a value.</summary>
    public string? Json(string key)
        => Read(key, "JSON", node => Kind(node) == JsonValueKind.String ? (string?)node : node.ToJsonString());

    private static JsonValueKind Kind(JsonNode? node) => node?.GetValueKind() ?? JsonValueKind.Null;

    private static T[] Items<T>(JsonNode node, Func<JsonNode?, T> read)
        => node is JsonArray list ? [.. list.Select(read)] : [read(node)];

    private static double? ToNumber(string text)
        => double.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static int? ToInteger(JsonNode node)
        => ToWhole(node) is { } whole && whole == (int)whole ? (int)whole : null;

    private static long? ToWhole(JsonNode node)
    {
        if (Kind(node) is not (JsonValueKind.Number or JsonValueKind.String))
        {
            return null;
        }

        var text = Kind(node) == JsonValueKind.String ? (string)node! : node.ToJsonString();
        return long.TryParse(text, CultureInfo.InvariantCulture, out var whole) ? whole
            : ToNumber(text) is { } number && double.IsInteger(number) && Math.Abs(number) <= MaxWhole ? (long)number
            : null;
    }

    private static bool? ToBoolean(JsonNode node) => Kind(node) switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String when bool.TryParse((string)node!, out var flag) => flag,
        _ => null,
    };

    // Lists and dictionaries of any type, also where nothing is known of it by reflection.
    private static JsonNode? ToNode(object value, string place) => value switch
    {
        string or JsonNode or JsonElement => Scalar(value, place),
        IEnumerable<KeyValuePair<string, object?>> pairs => new JsonObject(
            pairs.Select(pair => Member(pair.Key, pair.Value, place))),
        IDictionary pairs => new JsonObject(Members(pairs, place)),
        IEnumerable items => new JsonArray(
            [.. items.Cast<object?>().Select(item => Scalar(item, place))]),
        _ => Scalar(value, place),
    };

    private static JsonNode? Scalar(object? value, string place) => value switch
    {
        bool flag => JsonValue.Create(flag),
        byte or sbyte or short or ushort or int or uint or long or ulong or decimal => JsonNode.Parse(Written(value)!),
        double number when double.IsFinite(number) => JsonValue.Create(number),
        float number when float.IsFinite(number) => JsonValue.Create(number),
        _ => TemplateValues.ToNode(value, place),
    };

    private static IEnumerable<KeyValuePair<string, JsonNode?>> Members(IDictionary pairs, string place)
    {
        for (var at = pairs.GetEnumerator(); at.MoveNext();)
        {
            yield return Member(Written(at.Key)!, at.Value, place);
        }
    }

    private static KeyValuePair<string, JsonNode?> Member(string name, object? value, string place)
        => new(name, Scalar(value, $"{place}['{Excerpt.Of(name)}']"));

    private static string? Written(object value) => Convert.ToString(value, CultureInfo.InvariantCulture);

    private T? Read<T>(string key, string expected, Func<JsonNode, T?> convert)
        where T : struct
        => Find(key, expected) is var (value, node) ? convert(node) ?? throw Wrong(key, value, expected) : null;

    private T? Read<T>(string key, string expected, Func<JsonNode, T?> convert)
        where T : class
        => Find(key, expected) is var (value, node) ? convert(node) ?? throw Wrong(key, value, expected) : null;

    private (object Value, JsonNode Node)? Find(string key, string expected)
        => properties is null || !properties.TryGetValue(key, out var value) || value is null ? null
            : value is JsonElement { ValueKind: JsonValueKind.Undefined } ? throw Wrong(key, value, expected)
            : ToNode(value, $"{owner}.AdditionalProperties['{key}']") is { } node ? (value, node)
            : null;

    private ArgumentException Wrong(string key, object value, string expected)
        => new(
            $"{owner}.AdditionalProperties['{key}'] is '{Excerpt.Of(Written(value))}' of type "
            + $"'{value.GetType().Name}'; expected {expected}.");
}
