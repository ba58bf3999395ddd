using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.AspNetCore.Hosting;

namespace Slipway.AspNetCore.Responses;

/// <summary>Completes items of a request to the form in which the API gives them back.</summary>
internal static class InputItem
{
    // One row a type: what ids begin with.
    private static readonly Dictionary<string, string> Prefixes = new(StringComparer.Ordinal)
    {
        ["message"] = "msg_", ["reasoning"] = "rs_", ["function_call"] = "fc_", ["function_call_output"] = "fco_",
    };

    /// <summary>Adds type, id and status where they are missing, and makes parts of a message's text.</summary>
    /// <remarks>Whatever has another form is given back as it is, for its reader to refuse.</remarks>
    public static JsonElement Complete(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object || JsonObject.Create(item) is not { } whole
            || TypeOf(item) is not { } type || !Prefixes.TryGetValue(type, out var prefix))
        {
            return item;
        }

        whole["type"] = type;
        whole["id"] ??= RequestContext.NewId(prefix);
        if (type != "reasoning")
        {
            whole["status"] ??= "completed";
        }

        if (type == "message" && item.TryGetProperty("content", out var content)
            && content.ValueKind == JsonValueKind.String)
        {
            var isAnswer = item.TryGetProperty("role", out var role) && role.ValueKind == JsonValueKind.String
                && role.ValueEquals("assistant");
            whole["content"] = new JsonArray(JsonSerializer.SerializeToNode(
                new ResponsePart(isAnswer ? "output_text" : "input_text", content.GetString()!),
                OpenAIJson.Default.ResponsePart));
        }

        using var document = JsonDocument.Parse(whole.ToJsonString());
        return document.RootElement.Clone();
    }

    private static string? TypeOf(JsonElement item)
        => !item.TryGetProperty("type", out var type) || type.ValueKind == JsonValueKind.Null ? "message"
            : type.ValueKind == JsonValueKind.String ? type.GetString() : null;
}
