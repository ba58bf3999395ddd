using System.Text.Json;
using Slipway.Guidance.Characters;
using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>Turns a JSON schema into a grammar of documents that satisfy it.</summary>
/// <remarks>
/// Every document of the grammar is valid, and every valid value has a document in it, within the limits of
/// <see cref="JsonGrammar"/>: members come in the schema's order, those that it does not name after them. A keyword
/// that constrains and is not guaranteed is refused by name. Source: JSON Schema 2020-12, core and validation.
/// </remarks>
internal static class JsonSchemaCompiler
{
    /// <summary>The most levels of a schema's text.</summary>
    public const int DeepestSource = 512;

    /// <summary>Compiles a schema.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="forbidden">Characters that texts hold only escaped.</param>
    /// <param name="closesObjects">
    /// Whether an object has no members but those that the schema names, where it names any and does not say what
    /// others are.
    /// </param>
    /// <param name="isForDotNet">Whether .NET's types read the documents; <see cref="JsonFormats"/> says what
    /// differs.</param>
    /// <exception cref="NotSupportedException">The schema has a keyword that cannot be guaranteed, or is too
    /// large.</exception>
    /// <exception cref="ArgumentException">The schema is malformed, or nothing satisfies it.</exception>
    public static GrammarElement Compile(
        JsonElement schema, string forbidden, bool closesObjects = false, bool isForDotNet = false)
    {
        if (schema.ValueKind == JsonValueKind.Undefined)
        {
            throw new ArgumentException(
                "The JSON schema is an undefined JsonElement; expected a schema.", nameof(schema));
        }

        LimitDepth(JsonDepth.Of(schema));

        try
        {
            return Compile(schema, new SchemaNodes(), forbidden, closesObjects, isForDotNet);
        }
        catch (InvalidOperationException e)
        {
            throw new ArgumentException(
                "The JSON schema holds a text with half of a surrogate pair, which no answer can have.", e);
        }
    }

    /// <exception cref="NotSupportedException">A schema's text has too many levels.</exception>
    public static void LimitDepth(int depth)
    {
        if (depth > DeepestSource)
        {
            throw new NotSupportedException(
                $"The JSON schema's text is more than {DeepestSource} levels deep. Move parts of it into '$defs', and "
                + "refer to them by '$ref'.");
        }
    }

    private static GrammarElement Compile(
        JsonElement schema, SchemaNodes nodes, string forbidden, bool closesObjects, bool isForDotNet)
    {
        var root = nodes.Schema("#", schema);
        if (root == SchemaNodes.Nothing)
        {
            throw SchemaReader.Malformed("#", schema, "a schema that something can satisfy");
        }

        var builder = new ValueGrammar(
            new SchemaReader(schema, nodes, isForDotNet), new(forbidden), new JsonCharacterForm(forbidden),
            new(forbidden.Length > 0), closesObjects);
        var grammar = builder.Build(Formula.Of(root));
        return !Productivity.Unproductive(grammar).Contains(grammar)
            ? grammar
            : throw new ArgumentException("The JSON schema asks for what cannot be: nothing satisfies it.");
    }
}
