using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;

namespace Slipway.Export.Configuration;

/// <summary>
/// Reads the keys of a <c>config.json</c>; what is missing or of the wrong kind is said by key and value.
/// </summary>
internal sealed class ConfigReader(JsonObject json, string path, string prefix = "")
{
    private const int Max = 1 << 28;

    public string Path => path;

    /// <summary>The number of keys.</summary>
    public int Count => json.Count;

    public bool Has(string key) => json[key] is not null;

    /// <summary>A size or count: a whole number from 1 on.</summary>
    public int Int(string key, int? absent = null)
    {
        return json[key] is null && absent is { } value ? value
            : Whole(key) is > 0 and var number ? number
            : throw Bad(key, $"a whole number from 1 to {Max}");
    }

    /// <summary>A count that may be 0.</summary>
    public int CountOf(string key, int absent = 0) => json[key] is null ? absent
        : Whole(key) is >= 0 and var number ? number
        : throw Bad(key, $"a whole number from 0 to {Max}");

    /// <summary>A size or count that may be null or missing.</summary>
    public int? OptionalInt(string key) => json[key] is null ? null : Int(key);

    public double Number(string key, double? absent = null)
    {
        return json[key] is null && absent is { } value ? value
            : Parse(json[key]) is { } number && double.IsFinite(number) ? number
            : throw Bad(key, "a number");
    }

    public bool Flag(string key, bool? absent = null) => json[key] switch
    {
        null when absent is { } value => value,
        JsonValue node when node.GetValueKind() is JsonValueKind.True or JsonValueKind.False => node.GetValue<bool>(),
        _ => throw Bad(key, "'true' or 'false'"),
    };

    public string Text(string key, string? absent = null) => json[key] switch
    {
        null when absent is not null => absent,
        JsonValue node when node.GetValueKind() == JsonValueKind.String => node.GetValue<string>(),
        _ => throw Bad(key, "a text"),
    };

    /// <summary>A list of texts; null where there is none.</summary>
    public IReadOnlyList<string>? Texts(string key) => json[key] switch
    {
        null => null,
        JsonArray list when list.All(item => item?.GetValueKind() == JsonValueKind.String) =>
            [.. list.Select(item => item!.GetValue<string>())],
        _ => throw Bad(key, "a list of texts"),
    };

    /// <summary>A list of numbers; null where there is none.</summary>
    public IReadOnlyList<double>? Numbers(string key) => json[key] switch
    {
        null => null,
        JsonArray list when list.All(item => Parse(item) is not null) => [.. list.Select(item => Parse(item)!.Value)],
        _ => throw Bad(key, "a list of numbers"),
    };

    /// <summary>
    /// A list of bounds, in which what is no number, such as 'Infinity', is ∞; null where there is none.
    /// </summary>
    public IReadOnlyList<double>? Bounds(string key) => json[key] is JsonArray list
        ? [.. list.Select(item => Parse(item) ?? double.PositiveInfinity)]
        : null;

    /// <summary>Tells whether a value is a number.</summary>
    public bool IsNumber(string key) => Parse(json[key]) is not null;

    /// <summary>Token ids: a number, a list of them, or nothing.</summary>
    public IReadOnlyList<int> TokenIds(string key) => json[key] switch
    {
        null => [],
        JsonValue => [Id(json[key], key)],
        JsonArray list => [.. list.Select(item => Id(item, key))],
        _ => throw Bad(key, "a token id or a list of them"),
    };

    /// <summary>An object in this one; null where there is none.</summary>
    public ConfigReader? Section(string key) => json[key] switch
    {
        null => null,
        JsonObject section => new ConfigReader(section, path, $"{prefix}{key}."),
        _ => throw Bad(key, "an object"),
    };

    /// <summary>The exception for a value that is read but of no use.</summary>
    public CheckpointException Bad(string key, string expected) =>
        new($"'{prefix}{key}' in the configuration of '{path}' is '{Show(key)}'; expected {expected}.", path);

    /// <summary>The exception for a value that means something that cannot be exported.</summary>
    public NotSupportedException Unsupported(string key, string expected) =>
        new($"'{prefix}{key}' in the configuration of '{path}' is '{Show(key)}', which cannot be exported; "
            + $"expected {expected}.");

    private string Show(string key)
    {
        var text = json[key] is { } node
            ? node is JsonValue value && value.TryGetValue(out string? plain) ? plain : node.ToJsonString()
            : "missing";
        return text.Length > 100 ? $"{text.AsSpan(0, 100)}…" : text;
    }

    private int? Whole(string key) =>
        Parse(json[key]) is { } number && number == Math.Floor(number) && Math.Abs(number) <= Max
            ? (int)number
            : null;

    // A node that was made from a number of another type gives out that type alone, so its text is read.
    private static double? Parse(JsonNode? node) =>
        node?.GetValueKind() == JsonValueKind.Number
        && double.TryParse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private int Id(JsonNode? node, string key) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.Number
        && int.TryParse(value.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var id)
            ? id
            : throw Bad(key, "a token id or a list of them");
}
