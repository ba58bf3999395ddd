using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Training.Corpus;

/// <summary>Points at a place in a grammar file and reads what is there.</summary>
internal readonly record struct GrammarNode(string File, string Place, JsonNode? Node)
{
    public GrammarNode this[string key] => new(File, Place.Length == 0 ? key : $"{Place}.{key}", Object[key]);

    public bool Exists => Node is not null;

    public JsonObject Object => Node as JsonObject ?? throw Bad("is not an object; expected {...}.");

    public IEnumerable<GrammarNode> Items
    {
        get
        {
            var place = this;
            return Node is JsonArray array
                ? array.Select((item, index) => new GrammarNode(place.File, $"{place.Place}[{index}]", item))
                : throw Bad("is not a list; expected [...].");
        }
    }

    public IEnumerable<KeyValuePair<string, GrammarNode>> Members
    {
        get
        {
            var place = this;
            return Object.Select(member => KeyValuePair.Create(member.Key, place[member.Key]));
        }
    }

    public string Text => Node is JsonValue value && value.TryGetValue(out string? text)
        ? text
        : throw Bad("is not a string.");

    public decimal Number => Node is JsonValue value && value.TryGetValue(out decimal number)
        ? number
        : throw Bad("is not a number.");

    public bool Flag => Node is not null
        && (Node.GetValueKind() is JsonValueKind.True or JsonValueKind.False
            ? Node.GetValueKind() == JsonValueKind.True
            : throw Bad("is not true or false."));

    /// <summary>Reads a list of strings; a single string that holds words is a list separated by commas.</summary>
    public IReadOnlyList<string> Texts => Node switch
    {
        JsonArray => [.. Items.Select(item => item.Text)],
        JsonValue => Text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
        _ => [],
    };

    /// <summary>Reads a list of strings as they are; none where there is no list.</summary>
    public IReadOnlyList<string> Sentences => Node is null ? [] : [.. Items.Select(item => item.Text)];

    /// <summary>Reads a list of patterns as all texts that they stand for.</summary>
    public IReadOnlyList<string> Expanded => [.. Sentences.SelectMany(text => Pattern.Expand(text, 4096))];

    /// <summary>Reads a list of patterns and divides them; null for no division.</summary>
    public Wordings Wordings(SplitRule? split)
    {
        try
        {
            return new Wordings(Sentences, split);
        }
        catch (FormatException error)
        {
            throw Bad($"has a pattern that {error.Message}.");
        }
    }

    /// <summary>Refuses keys that mean nothing here.</summary>
    public void Allow(params ReadOnlySpan<string> keys)
    {
        foreach (var member in Object)
        {
            if (!keys.Contains(member.Key))
            {
                throw Bad($"has the unknown key '{member.Key}'; expected '{string.Join("', '", keys)}'.");
            }
        }
    }

    public GrammarException Bad(string problem) => new(File, Place.Length == 0 ? "the document" : Place, problem);
}
