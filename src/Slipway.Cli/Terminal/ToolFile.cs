using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Cli.Terminal;

/// <summary>Reads tool definitions in OpenAI's form.</summary>
internal static class ToolFile
{
    public static IReadOnlyList<AITool> Read(VerbContext context, string path)
    {
        if (InputFile.ReadJson(context, path) is not JsonArray list)
        {
            throw new UsageException($"'{path}' is not a JSON list of tools.");
        }

        return [.. list.Select((item, index) => Declare(item, index, path))];
    }

    private static AIFunctionDeclaration Declare(JsonNode? item, int index, string path)
    {
        var function = item?["function"] as JsonObject ?? item as JsonObject;
        if (function?["name"] is not JsonValue name || name.GetValueKind() != JsonValueKind.String)
        {
            throw new UsageException($"Tool {index + 1} of '{path}' has no name; expected an object with 'name'.");
        }

        if (function["parameters"] is not (null or JsonObject))
        {
            throw new UsageException(
                $"'parameters' of tool '{name}' in '{path}' is not an object; expected a JSON schema.");
        }

        var description = function["description"] is JsonValue words && words.TryGetValue(out string? text)
            ? text : null;
        var schema = function["parameters"]?.ToJsonString() ?? """{"type":"object","properties":{}}""";
        using var document = JsonDocument.Parse(schema);
        return AIFunctionFactory.CreateDeclaration(
            name.GetValue<string>(), description, document.RootElement.Clone());
    }
}
