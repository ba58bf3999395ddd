using System.Text.Json;

namespace Slipway.Guidance.Json;

/// <summary>Builds the grammar of an answer that is a JSON document of a schema.</summary>
internal static class JsonSchemaGrammar
{
    private const int DeepestSource = 512;

    /// <exception cref="ArgumentException">The source is no JSON, or the schema is malformed.</exception>
    /// <exception cref="NotSupportedException">The schema cannot be guaranteed.</exception>
    public static GrammarElement Compile(string source)
    {
        using var document = Parse(source);
        return JsonSchemaCompiler.Compile(document.RootElement, forbidden: "");
    }

    private static JsonDocument Parse(string source)
    {
        try
        {
            return JsonDocument.Parse(source, new() { MaxDepth = DeepestSource });
        }
        catch (JsonException e)
        {
            throw new ArgumentException($"The JSON schema is no JSON: {e.Message}", e);
        }
    }
}
