using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Guidance.Json;

namespace Slipway.Chat;

/// <summary>A function that a model is offered, with what its arguments may be.</summary>
/// <param name="declaration">The function's name and the schema of its arguments.</param>
internal sealed class OfferedFunction(AIFunctionDeclaration declaration)
{
    private GrammarElement? _arguments;

    /// <summary>The function as it is offered.</summary>
    public AIFunctionDeclaration Declaration => declaration;

    /// <summary>The function's name.</summary>
    public string Name => declaration.Name;

    /// <summary>The schema of the arguments.</summary>
    public JsonElement Schema => declaration.JsonSchema;

    /// <summary>The names of the arguments that must be given.</summary>
    public IReadOnlySet<string> Required { get; } =
        declaration.JsonSchema.ValueKind == JsonValueKind.Object
        && declaration.JsonSchema.TryGetProperty("required", out var required)
        && required.ValueKind == JsonValueKind.Array
            ? required.EnumerateArray().Select(name => name.ToString()).ToHashSet(StringComparer.Ordinal)
            : [];

    /// <summary>The arguments as a JSON object; any object where the schema's words cannot all be guaranteed.</summary>
    public GrammarElement Arguments => _arguments ??= Describes(Schema) ? Compile() : new JsonGrammar("").AnyObject;

    /// <summary>Reads the functions of a request.</summary>
    public static IReadOnlyList<OfferedFunction> From(ChatOptions options)
        => [.. options.Tools!.OfType<AIFunctionDeclaration>()
            .Select(tool => new OfferedFunction(tool))];

    // A schema of something else, or that says it elsewhere, says nothing about the members of an object.
    private static bool Describes(JsonElement schema)
        => schema.ValueKind == JsonValueKind.Object
            && (schema.TryGetProperty("type", out var type)
                ? type.ValueKind == JsonValueKind.String && type.ValueEquals("object")
                : schema.TryGetProperty("properties", out _));

    private GrammarElement Compile()
    {
        if (Schema.TryGetProperty("properties", out var properties)
            && properties.ValueKind == JsonValueKind.Object
            && !properties.EnumerateObject().Any()
            && !Schema.TryGetProperty("additionalProperties", out _)
            && Required.Count == 0)
        {
            return GrammarElement.Literal("{}"); // a function that says that it takes nothing
        }

        try
        {
            return JsonSchemaCompiler.Compile(Schema, forbidden: "", closesObjects: true, isForDotNet: true);
        }
        catch (Exception e) when (e is NotSupportedException or ArgumentException)
        {
            // The function is called with what the model makes of it, as it would be without guidance.
            return new JsonGrammar("").AnyObject;
        }
    }
}
