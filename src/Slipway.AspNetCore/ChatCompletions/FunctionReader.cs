using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Reads functions and schemas, which several endpoints take.</summary>
internal static partial class FunctionReader
{
    private static readonly JsonElement NoParameters = JsonDocument.Parse(
        """{"type": "object", "properties": {}}""").RootElement.Clone();

    /// <summary>Reads a function that is offered.</summary>
    /// <exception cref="OpenAIException">The name has other characters, or the schema is no object.</exception>
    public static AITool Read(string name, string? description, JsonElement parameters, string path)
    {
        CheckName(name, $"{path}.name");
        return AIFunctionFactory.CreateDeclaration(
            name, description, parameters.IsGiven() ? Object(parameters, $"{path}.parameters") : NoParameters);
    }

    /// <summary>Reads the schema of an answer.</summary>
    /// <exception cref="OpenAIException">The name has other characters, or there is no schema.</exception>
    public static ChatResponseFormat Schema(string name, string? description, JsonElement schema, string path)
    {
        CheckName(name, $"{path}.name");
        return schema.IsGiven()
            ? ChatResponseFormat.ForJsonSchema(Object(schema, $"{path}.schema"), name, description)
            : throw OpenAIException.Missing($"{path}.schema");
    }

    private static void CheckName(string name, string path)
    {
        if (!Name().IsMatch(name))
        {
            throw OpenAIException.InvalidValue(path, name, "1 to 64 letters, digits, underscores and dashes");
        }
    }

    private static JsonElement Object(JsonElement schema, string path) => schema.ValueKind == JsonValueKind.Object
        ? schema
        : throw OpenAIException.InvalidType(path, JsonShape.KindOf(schema), "an object");

    [GeneratedRegex(@"\A[a-zA-Z0-9_-]{1,64}\z")]
    private static partial Regex Name();
}
