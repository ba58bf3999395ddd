using System.Text;
using System.Text.Json;

namespace Slipway.Guidance.Json;

/// <summary>Builds the grammar of an answer that is a JSON document of a schema.</summary>
internal static class JsonSchemaGrammar
{
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
            var bytes = Encoding.UTF8.GetBytes(source);
            JsonSchemaCompiler.LimitDepth(JsonDepth.Of(bytes));
            return JsonDocument.Parse(bytes, new() { MaxDepth = JsonSchemaCompiler.DeepestSource });
        }
        catch (JsonException e)
        {
            throw new ArgumentException($"The JSON schema is no JSON: {Excerpt.Of(e.Message)}", e);
        }
    }
}
