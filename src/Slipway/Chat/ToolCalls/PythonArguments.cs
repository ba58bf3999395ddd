using System.Text.Json;
using Slipway.Guidance;
using Slipway.Guidance.Json;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>Builds the keyword arguments of a Python call: <c>key="value", other=True</c>.</summary>
/// <remarks>
/// Strings stand in double quotes and are JSON's too. Booleans and none are Python's words, but inside lists and
/// dictionaries JSON's, which the reader takes as well.
/// </remarks>
internal static class PythonArguments
{
    private static readonly GrammarElement Boolean = OneOf(Literal("True"), Literal("False"));

    /// <summary>The arguments of a function, in the schema's order, required ones always.</summary>
    public static GrammarElement Of(OfferedFunction function)
    {
        if (function.Schema.ValueKind != JsonValueKind.Object
            || !function.Schema.TryGetProperty("properties", out var properties)
            || properties.ValueKind != JsonValueKind.Object)
        {
            return Empty;
        }

        // What may still come where no argument has come yet, and where one has.
        var (first, further) = (Empty, Empty);
        foreach (var property in properties.EnumerateObject().Reverse())
        {
            var argument = Sequence(Literal($"{property.Name}="), Value(property.Value));
            var isRequired = function.Required.Contains(property.Name);
            var next = Sequence(Literal(", "), argument, further);
            var start = Sequence(argument, further);
            (first, further) = isRequired
                ? (start, next)
                : (OneOf(start, first), OneOf(next, further));
        }

        return first;
    }

    private static GrammarElement Value(JsonElement schema)
    {
        if (schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("type", out var type)
            && type.ValueKind == JsonValueKind.String)
        {
            switch (type.GetString())
            {
                case "boolean":
                    return Boolean;
                case "null":
                    return Literal("None");
            }
        }

        try
        {
            return JsonSchemaCompiler.Compile(schema, forbidden: "", closesObjects: true, isForDotNet: true);
        }
        catch (Exception e) when (e is NotSupportedException or ArgumentException)
        {
            return new JsonGrammar("").Any; // as it would be without guidance
        }
    }
}
