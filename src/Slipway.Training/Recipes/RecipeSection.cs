using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Slipway.Training.Text;

namespace Slipway.Training.Recipes;

/// <summary>Reads the keys of one object of a recipe, and collects what is wrong with them.</summary>
internal sealed class RecipeSection(JsonObject json, string place, List<string> errors)
{
    private readonly List<string> _known = [];

    /// <summary>Tells whether the key is there and not null.</summary>
    public bool Has(string key) => json[key] is not null;

    /// <summary>Marks a key as known that is not read.</summary>
    public void Know(string key) => _known.Add(key);

    public string? Text(string key, bool required = true)
    {
        var node = Find(key, required);
        if (node is null || (node is JsonValue json && json.TryGetValue(out string? text) && text.Length > 0))
        {
            return node?.GetValue<string>();
        }

        Wrong(key, node, "a string that is not empty");
        return null;
    }

    /// <summary>A regular expression; null where there is none.</summary>
    public string? Pattern(string key)
    {
        var text = Text(key, required: false);
        try
        {
            _ = text is null ? null : new Regex(text);
        }
        catch (ArgumentException exception)
        {
            Report(key, $"is no regular expression: {exception.Message}");
        }

        return text;
    }

    public T Choice<T>(string key, T absent, bool required, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        if (Text(key, required) is not { } text)
        {
            return absent;
        }

        var names = new List<string>();
        foreach (var (name, value) in choices)
        {
            if (name == text)
            {
                return value;
            }

            names.Add(name);
        }

        errors.Add($"{Name(key)} is '{text}'; expected one of '{string.Join("', '", names)}'.");
        return absent;
    }

    public long Whole(string key, long? absent, long min, long max)
    {
        var node = Find(key, absent is null);
        if (node is null)
        {
            return absent ?? min;
        }

        if (node is JsonValue json && json.TryGetValue(out long number) && number >= min && number <= max)
        {
            return number;
        }

        Wrong(key, node, string.Create(CultureInfo.InvariantCulture, $"a whole number from {min} to {max}"));
        return min;
    }

    public double Number(string key, double? absent, double min, double max)
    {
        var node = Find(key, absent is null);
        if (node is null)
        {
            return absent ?? min;
        }

        if (node is JsonValue json && json.TryGetValue(out double number) && number >= min && number <= max)
        {
            return number;
        }

        Wrong(key, node, string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"));
        return min;
    }

    public bool Flag(string key)
    {
        var node = Find(key, required: false);
        if (node is null || (node is JsonValue json && json.TryGetValue(out bool _)))
        {
            return node?.GetValue<bool>() ?? false;
        }

        Wrong(key, node, "true or false");
        return false;
    }

    /// <summary>Tells whether the key holds this very text.</summary>
    public bool HasText(string key, string text)
    {
        var holds = json[key] is JsonValue value && value.TryGetValue(out string? found) && found == text;
        if (holds)
        {
            _known.Add(key);
        }

        return holds;
    }

    /// <summary>An object of positive numbers by pattern; empty where there is none.</summary>
    public IReadOnlyDictionary<string, double> Numbers(string key)
    {
        var numbers = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var (pattern, node) in Section(key, required: false) is null ? [] : (JsonObject)json[key]!)
        {
            if (node is JsonValue value && value.TryGetValue(out double number) && number > 0 && IsPattern(pattern))
            {
                numbers.Add(pattern, number);
                continue;
            }

            errors.Add($"'{Path(key)}' has '{pattern}': {node?.ToJsonString() ?? "null"}; expected a regular "
                + "expression of module paths and a positive number.");
        }

        return numbers;
    }

    public RecipeSection? Section(string key, bool required = true)
    {
        var node = Find(key, required);
        if (node is null or JsonObject)
        {
            return node is JsonObject inner ? new RecipeSection(inner, Path(key), errors) : null;
        }

        Wrong(key, node, "an object");
        return null;
    }

    public JsonObject? Object(string key) => Section(key) is null ? null : (JsonObject)json[key]!;

    public List<RecipeSection> Sections(string key)
    {
        var node = Find(key, required: true);
        if (node is JsonArray { Count: > 0 } items && items.All(item => item is JsonObject))
        {
            return [
                .. items.Select(
                    (item, index) => new RecipeSection((JsonObject)item!, $"{Path(key)}[{index}]", errors))];
        }

        if (node is not null)
        {
            Wrong(key, node, "a list of objects that is not empty");
        }

        return [];
    }

    public IReadOnlyList<string> Texts(string key)
    {
        var node = Find(key, required: false);
        if (node is JsonArray items
            && items.All(item => item?.GetValueKind() == JsonValueKind.String && $"{item}" != ""))
        {
            return [.. items.Select(item => item!.GetValue<string>())];
        }

        if (node is not null)
        {
            Wrong(key, node, "a list of strings that are not empty");
        }

        return [];
    }

    /// <summary>Demands that exactly one of the keys is there, and answers which; the first where not.</summary>
    public string OneOf(params string[] keys)
    {
        _known.AddRange(keys);
        var found = keys.Where(Has).ToArray();
        if (found.Length != 1)
        {
            errors.Add($"{Where()} has {(found.Length == 0 ? "none" : "more than one")} of the keys "
                + $"'{string.Join("', '", keys)}'; expected exactly one.");
        }

        return found.FirstOrDefault() ?? keys[0];
    }

    /// <summary>Reports every key that nobody asked for.</summary>
    public void Close()
    {
        foreach (var (key, _) in json)
        {
            if (!_known.Contains(key))
            {
                errors.Add($"{Name(key)} is not a known key. The nearest is '{NearestName.Find(key, _known)}'.");
            }
        }
    }

    public void Report(string key, string problem) => errors.Add($"{Name(key)} {problem}");

    private static bool IsPattern(string text)
    {
        try
        {
            _ = new Regex(text);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private JsonNode? Find(string key, bool required)
    {
        _known.Add(key);
        if (json[key] is { } node)
        {
            return node;
        }

        if (required)
        {
            errors.Add($"{Name(key)} is missing.");
        }

        return null;
    }

    private void Wrong(string key, JsonNode node, string expected)
    {
        var found = node.ToJsonString();
        found = found.Length <= 60 ? found : $"{found[..57]}...";
        errors.Add($"{Name(key)} is {(node.GetValueKind() == JsonValueKind.String ? $"'{node}'" : $"'{found}'")}; "
            + $"expected {expected}.");
    }

    private string Path(string key) => place.Length == 0 ? key : $"{place}.{key}";

    private string Name(string key) => $"'{Path(key)}'";

    private string Where() => place.Length == 0 ? "The recipe" : $"'{place}'";
}
