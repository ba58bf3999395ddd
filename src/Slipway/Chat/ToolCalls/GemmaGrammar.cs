using System.Text.Json;
using Slipway.Guidance;
using Slipway.Guidance.Json;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>Builds the grammar of the arguments of Gemma's calls.</summary>
/// <remarks>
/// Names, types, choices and required members are held; lengths and forms of strings, which stand there as plain text,
/// are not.
/// </remarks>
internal sealed class GemmaGrammar
{
    private const int MaxDepth = 8;

    private readonly string _quote;
    private readonly GrammarElement _text;

    /// <summary>Creates the grammar of a kind of quotes.</summary>
    public GemmaGrammar(string quote)
    {
        _quote = quote;
        _text = Sequence(Literal(quote), TextElement.Until((quote, Empty)));
    }

    /// <summary>The members of an object in the schema's order, required ones always.</summary>
    public GrammarElement Object(JsonElement schema, int depth = 0)
    {
        if (schema.ValueKind != JsonValueKind.Object
            || !schema.TryGetProperty("properties", out var properties)
            || properties.ValueKind != JsonValueKind.Object)
        {
            return Literal("{}");
        }

        var required = schema.TryGetProperty("required", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select(name => name.ToString()).ToHashSet(StringComparer.Ordinal)
            : [];
        var (first, further) = (Empty, Empty);
        foreach (var property in properties.EnumerateObject().Reverse())
        {
            var member = Sequence(Literal($"{property.Name}:"), Value(property.Value, depth + 1));
            var start = Sequence(member, further);
            var next = Sequence(Literal(","), member, further);
            (first, further) = required.Contains(property.Name)
                ? (start, next)
                : (OneOf(start, first), OneOf(next, further));
        }

        return Sequence(Literal("{"), first, Literal("}"));
    }

    private GrammarElement Value(JsonElement schema, int depth)
    {
        if (schema.ValueKind == JsonValueKind.Object && depth < MaxDepth)
        {
            if (schema.TryGetProperty("enum", out var values) && values.ValueKind == JsonValueKind.Array
                && values.GetArrayLength() > 0)
            {
                return OneOf([.. values.EnumerateArray().Select(value => Literal(
                    value.ValueKind == JsonValueKind.String
                        ? $"{_quote}{value.GetString()}{_quote}" : value.GetRawText()))]);
            }

            if (schema.TryGetProperty("type", out var type))
            {
                return type.ValueKind == JsonValueKind.Array && type.GetArrayLength() > 0
                    ? OneOf([.. type.EnumerateArray().Select(one => OfType(one.ToString(), schema, depth))])
                    : OfType(type.ToString(), schema, depth);
            }
        }

        return OneOf(_text, JsonNumbers.Number, JsonGrammar.Boolean, JsonGrammar.Null);
    }

    private GrammarElement OfType(string type, JsonElement schema, int depth) => type switch
    {
        "object" => Object(schema, depth),
        "array" => Array(schema.TryGetProperty("items", out var items) ? Value(items, depth + 1) : _text),
        "integer" => Sequence(Optional(Literal("-")), Repeat(JsonGrammar.Digit, 1, 15)),
        "number" => JsonNumbers.Number,
        "boolean" => JsonGrammar.Boolean,
        "null" => JsonGrammar.Null,
        _ => _text,
    };

    private static GrammarElement Array(GrammarElement item)
        => Sequence(Literal("["), Optional(Sequence(item, Repeat(Sequence(Literal(","), item), 0))), Literal("]"));
}
