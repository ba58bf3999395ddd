using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Turns the offered tools into the <c>tools</c> that chat templates read.</summary>
/// <remarks>The shape is OpenAI's: <c>{"type": "function", "function": {"name", "description", "parameters"}}</c>.</remarks>
internal static class TemplateTools
{
    /// <summary>Converts the tools; null where none are to be offered.</summary>
    /// <exception cref="NotSupportedException">A tool is not a function.</exception>
    public static JsonArray? From(ChatOptions? options)
    {
        if (options?.Tools is not { Count: > 0 } tools || options.ToolMode is NoneChatToolMode)
        {
            return null;
        }

        var result = new JsonArray();
        foreach (var tool in tools)
        {
            if (tool is not AIFunctionDeclaration function)
            {
                throw new NotSupportedException(
                    $"The tool '{tool.Name}' in ChatOptions.Tools is of type '{tool.GetType().Name}', which a hosted "
                    + "service runs. A local model is offered functions only: give an AIFunction or AIFunctionDeclaration.");
            }

            result.Add((JsonNode)new JsonObject
            {
                ["type"] = "function",
                ["function"] = new JsonObject
                {
                    ["name"] = function.Name,
                    ["description"] = function.Description,
                    ["parameters"] = Parameters(function),
                },
            });
        }

        return result;
    }

    /// <summary>Whether a function runs without any argument given.</summary>
    public static bool RequiresNothing(AIFunctionDeclaration function)
        => Parameters(function)["required"] is not JsonArray { Count: > 0 };

    // What a template prints should be what a model was trained on: no '$schema' or 'title' of the generator's own.
    private static JsonObject Parameters(AIFunctionDeclaration function)
    {
        var schema = JsonNode.Parse(function.JsonSchema.GetRawText()) as JsonObject ?? [];
        schema.Remove("$schema");
        schema.Remove("title");
        schema.Remove("description");
        schema.TryAdd("type", "object");
        schema.TryAdd("properties", new JsonObject());
        return schema;
    }
}
