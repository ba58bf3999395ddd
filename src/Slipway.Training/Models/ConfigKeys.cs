using System.Text.Json.Nodes;

namespace Slipway.Training.Models;

/// <summary>Reads keys of a Hugging Face <c>config.json</c>, and says what is wrong with them.</summary>
/// <param name="json">The keys.</param>
/// <param name="source">The file that messages name.</param>
/// <param name="aliases">The names of keys in this file, by those that they are asked for by.</param>
internal sealed class ConfigKeys(
    JsonObject json, string source, IReadOnlyDictionary<string, string>? aliases = null)
{
    public string Source => source;

    public bool Has(string key) => json[Name(key)] is not null;

    public JsonObject? Section(string key) => json[key] as JsonObject;

    /// <summary>The class name that <c>architectures</c> begins with.</summary>
    public string Architecture(string example) => json["architectures"] is JsonArray { Count: > 0 } names
        ? AsText(names[0], "architectures")
        : throw Bad("architectures", "is missing", $"a list with one architecture, such as '{example}'");

    public int Whole(string key, int? absent = null)
    {
        var name = Name(key);
        if (json[name] is null && absent is { } value)
        {
            return value;
        }

        return json[name] is JsonValue node && node.TryGetValue(out int number) && number is > 0 and <= 1 << 24
            ? number
            : throw Bad(name, json[name] is { } found ? $"is '{found.ToJsonString()}'" : "is missing",
                "a whole number from 1 to 16,777,216");
    }

    public double Number(string key, double absent)
    {
        var name = Name(key);
        return json[name] is null ? absent
            : json[name] is JsonValue node && node.TryGetValue(out double number) && number > 0 ? number
            : throw Bad(name, $"is '{json[name]!.ToJsonString()}'", "a positive number");
    }

    public bool Flag(string key, bool absent)
    {
        return json[key] is null ? absent
            : json[key] is JsonValue node && node.TryGetValue(out bool flag) ? flag
            : throw Bad(key, $"is '{json[key]!.ToJsonString()}'", "true or false");
    }

    public string Text(string key, string absent) =>
        json[Name(key)] is { } node ? AsText(node, Name(key)) : absent;

    /// <summary>A token's id, which may be 0.</summary>
    public int Token(string key, int absent) => json[key] is null ? absent
        : json[key] is JsonValue node && node.TryGetValue(out int number) && number is >= 0 and <= 1 << 24 ? number
        : throw Bad(key, $"is '{json[key]!.ToJsonString()}'", "a token's id, from 0 to 16,777,216");

    public IReadOnlyList<string>? Texts(string key) =>
        (json[key] as JsonArray)?.Select(item => AsText(item, key)).ToArray();

    public IReadOnlyList<int>? Numbers(string key) => (json[key] as JsonArray)?.Select(
        item => item is JsonValue value && value.TryGetValue(out int number) ? number
            : throw Bad(key, $"holds '{item?.ToJsonString() ?? "null"}'", "whole numbers")).ToArray();

    public ModelConfigException Bad(string key, string found, string expected) =>
        new(source, key, $"'{key}' in '{source}' {found}; expected {expected}.");

    private string AsText(JsonNode? node, string key) => node is JsonValue value && value.TryGetValue(out string? text)
        ? text
        : throw Bad(key, $"holds '{node?.ToJsonString() ?? "null"}'", "a string");

    private string Name(string key) => aliases?.GetValueOrDefault(key) ?? key;
}
