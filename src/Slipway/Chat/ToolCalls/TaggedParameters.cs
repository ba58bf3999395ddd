using System.Text.Json;
using Slipway.Guidance;
using Slipway.Guidance.Json;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>Builds the parameters of formats that write each one between tags of its own.</summary>
/// <remarks>
/// Strings stand there as text without quotes, so their lengths and formats are not guaranteed; other values are JSON.
/// Parameters come in the schema's order, required ones always.
/// </remarks>
/// <param name="open">The text before a parameter's name.</param>
/// <param name="middle">What stands between its name and its value, for a string and for any other value.</param>
/// <param name="close">The text after its value.</param>
/// <param name="never">The text that would end the whole call, which no value holds.</param>
internal sealed class TaggedParameters(string open, Func<bool, GrammarElement> middle, string close, string never)
{
    private readonly GrammarElement _text = TextElement.Until((close, Empty), (never, null));

    /// <summary>The parameters of a function, each with white space before it.</summary>
    public GrammarElement Of(OfferedFunction function)
    {
        var schema = function.Schema;
        if (schema.ValueKind != JsonValueKind.Object
            || !schema.TryGetProperty("properties", out var properties)
            || properties.ValueKind != JsonValueKind.Object)
        {
            return Repeat(One(AnyName(), OneOf(middle(true), middle(false)), _text), 0);
        }

        var required = function.Required;
        return Sequence([.. properties.EnumerateObject().Select(property =>
        {
            var one = One(
                Literal(property.Name), middle(ArgumentTypes.IsText(property.Value)), Value(property.Value));
            return required.Contains(property.Name) ? one : Optional(one);
        })]);
    }

    private GrammarElement One(GrammarElement name, GrammarElement between, GrammarElement valueAndClose)
        => Sequence(CallGrammar.Margin, Literal(open), name, between, valueAndClose);

    private GrammarElement Value(JsonElement schema)
    {
        if (Texts(schema) is { } texts)
        {
            return Closed(OneOf([.. texts.Select(Literal)]));
        }

        if (schema.ValueKind != JsonValueKind.Object
            || !schema.TryGetProperty("type", out var type)
            || type.ToString().Contains("string", StringComparison.Ordinal))
        {
            return _text;
        }

        try
        {
            return Closed(JsonSchemaCompiler.Compile(schema, forbidden: "<"));
        }
        catch (Exception e) when (e is NotSupportedException or ArgumentException)
        {
            return _text; // as it would be without guidance
        }
    }

    private SequenceElement Closed(GrammarElement value)
        => new([Optional(Literal("\n")), value, Optional(Literal("\n")), Literal(close)]);

    private static string[]? Texts(JsonElement schema)
        => schema.ValueKind == JsonValueKind.Object
            && schema.TryGetProperty("enum", out var values)
            && values.ValueKind == JsonValueKind.Array
            && values.GetArrayLength() > 0
            && values.EnumerateArray().All(value => value.ValueKind == JsonValueKind.String)
                ? [.. values.EnumerateArray().Select(value => value.GetString()!)]
                : null;

    private static RepeatElement AnyName()
        => new(OneOf(Range('a', 'z'), Range('A', 'Z'), Range('0', '9'), AnyOf("_.-")), 1, 64);
}
