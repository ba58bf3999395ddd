using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Guidance.Json;

namespace Slipway.Chat;

/// <summary>Turns the offered tools into the <c>tools</c> that chat templates read.</summary>
/// <remarks>
/// The shape is OpenAI's: <c>{"type": "function", "function": {"name", "description", "parameters"}}</c>.
/// </remarks>
internal static class TemplateTools
{
    // As deep as System.Text.Json reads by default, so that whatever reads a prompt's tools can.
    private const int MaxDepth = 64;

    /// <summary>Converts the tools; null where none are to be offered.</summary>
    /// <exception cref="NotSupportedException">A tool is not a function, or its schema is too deep.</exception>
    /// <exception cref="ArgumentException">An entry is null or has no name.</exception>
    public static JsonArray? From(ChatOptions? options)
    {
        if (options?.Tools is not { Count: > 0 } tools || options.ToolMode is NoneChatToolMode)
        {
            return null;
        }

        var result = new JsonArray();
        for (var i = 0; i < tools.Count; i++)
        {
            var tool = tools[i] ?? throw new ArgumentException(
                $"Entry {i} of ChatOptions.Tools is null. Leave it out.", nameof(options));
            if (tool is not AIFunctionDeclaration function)
            {
                throw new NotSupportedException(
                    $"The tool '{Excerpt.Of(tool.Name)}' in ChatOptions.Tools is of type '{tool.GetType().Name}', "
                    + "which a hosted service runs. A local model is offered functions only: give an AIFunction or "
                    + "AIFunctionDeclaration.");
            }

            CheckName(options, i, function);
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

    private static void CheckName(ChatOptions options, int index, AIFunctionDeclaration function)
    {
        var name = function.Name;
        if (string.IsNullOrEmpty(name))
        {
            throw new ArgumentException(
                $"Entry {index} of ChatOptions.Tools has no name, so no model can call it. Give it one.",
                nameof(options));
        }

        if (name.EnumerateRunes().Contains(Rune.ReplacementChar))
        {
            throw new ArgumentException(
                $"Entry {index} of ChatOptions.Tools has a name with half of a character, '{Excerpt.Of(name)}', which "
                + "no model can write. Give it another.", nameof(options));
        }

        for (var other = 0; other < index; other++)
        {
            if (options.Tools![other].Name == name && !ReferenceEquals(options.Tools![other], function))
            {
                throw new ArgumentException(
                    $"Entries {other} and {index} of ChatOptions.Tools are both called '{Excerpt.Of(name)}', so calls "
                    + "of them could not be told apart. Rename one, or leave it out.", nameof(options));
            }
        }
    }

    /// <summary>Tells whether a function runs without any argument given.</summary>
    public static bool RequiresNothing(AIFunctionDeclaration function)
        => Parameters(function)["required"] is not JsonArray { Count: > 0 };

    // What a template prints should be what a model was trained on: no '$schema' or 'title' of the generator's own.
    private static JsonObject Parameters(AIFunctionDeclaration function)
    {
        var given = function.JsonSchema;
        if (JsonDepth.Of(given) > MaxDepth)
        {
            throw new NotSupportedException(
                $"The schema of the tool '{Excerpt.Of(function.Name)}' in ChatOptions.Tools is {JsonDepth.Of(given)} "
                + $"levels deep; at most {MaxDepth} are supported. Flatten the function's parameters.");
        }

        if (given.ValueKind is JsonValueKind.Array or JsonValueKind.String or JsonValueKind.Number)
        {
            throw NotASchema(function, $"is '{Excerpt.Of(given.GetRawText())}'; expected an object");
        }

        var schema = given.ValueKind == JsonValueKind.Object ? (JsonObject)JsonNode.Parse(given.GetRawText())! : [];
        if (schema["properties"] is { } properties and not JsonObject)
        {
            throw NotASchema(
                function, $"has '{Excerpt.Of(properties.ToJsonString())}' as 'properties'; expected an object");
        }

        if (schema["required"] is { } required and not JsonArray)
        {
            throw NotASchema(function, $"has '{Excerpt.Of(required.ToJsonString())}' as 'required'; expected an array");
        }

        schema.Remove("$schema");
        schema.Remove("title");
        schema.Remove("description");
        schema.TryAdd("type", "object");
        schema.TryAdd("properties", new JsonObject());
        return schema;
    }

    // Templates read these members without asking what they are.
    private static ArgumentException NotASchema(AIFunctionDeclaration function, string what)
        => new(
            $"The schema of the tool '{Excerpt.Of(function.Name)}' in ChatOptions.Tools {what}. Give the JSON schema "
            + "of the function's parameters.");
}
