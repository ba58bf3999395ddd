using System.Text.Json;
using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>A schema object and where it stands; reads its keywords' values.</summary>
internal readonly record struct SchemaPart(string Path, JsonElement Value)
{
    public bool Has(string keyword) => Value.TryGetProperty(keyword, out _);

    public JsonElement? Find(string keyword) => Value.TryGetProperty(keyword, out var value) ? value : null;

    public string PathOf(string keyword) => $"{Path}/{keyword}";

    /// <summary>A count; null where the keyword is absent, the largest integer for more.</summary>
    public int? Count(string keyword)
    {
        if (Find(keyword) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number
            && JsonDecimal.Parse(value.GetRawText()) is { Scale: 0, Unscaled.Sign: >= 0 } count
            ? count.Unscaled > int.MaxValue - 1 ? int.MaxValue - 1 : (int)count.Unscaled
            : throw SchemaReader.Malformed(PathOf(keyword), value, "a count");
    }

    public string Text(string keyword) => TextOf(Value.GetProperty(keyword), PathOf(keyword));

    public static string TextOf(JsonElement value, string path)
        => value.ValueKind == JsonValueKind.String
            ? value.GetString()! : throw SchemaReader.Malformed(path, value, "a text");

    public static IReadOnlyList<string> TextsOf(JsonElement value, string path)
        => value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => TextOf(item, path))]
            : throw SchemaReader.Malformed(path, value, "an array of texts");

    /// <summary>An array's elements with their paths; at least one.</summary>
    public IReadOnlyList<(string Path, JsonElement Value)> List(string keyword)
    {
        var path = PathOf(keyword);
        var list = Value.GetProperty(keyword);
        return list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0
            ? [.. list.EnumerateArray().Select((item, i) => ($"{path}/{i}", item))]
            : throw SchemaReader.Malformed(path, list, "an array that is not empty");
    }

    /// <summary>An object's members with their paths; none where the keyword is absent.</summary>
    public IReadOnlyList<(string Name, string Path, JsonElement Value)> Members(string keyword)
    {
        if (Find(keyword) is not { } value)
        {
            return [];
        }

        var path = PathOf(keyword);
        return value.ValueKind == JsonValueKind.Object
            ? [.. value.EnumerateObject()
            .Select(member => (member.Name, SchemaNodes.PathOf(path, member.Name), member.Value))]
            : throw SchemaReader.Malformed(path, value, "an object");
    }

    public bool? Flag(string keyword) => Find(keyword) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => throw SchemaReader.Malformed(PathOf(keyword), value, "'true' or 'false'"),
    };

    /// <summary>The schema of a keyword; null where it is absent.</summary>
    public Formula? Schema(string keyword, SchemaNodes nodes)
        => Find(keyword) is { } value ? Formula.Of(nodes.Schema(PathOf(keyword), value)) : null;
}
