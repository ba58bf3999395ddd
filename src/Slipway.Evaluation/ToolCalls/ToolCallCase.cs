using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Evaluation.ToolCalls;

/// <summary>Holds a conversation up to the assistant's turn, the tools offered, and the turn that is right.</summary>
/// <param name="Kind">What the case tests; scores are given by kind.</param>
/// <param name="Messages">The conversation; it ends with a message of the user or of a tool.</param>
/// <param name="Tools">The tools offered.</param>
/// <param name="Expected">The calls that are right, in their order; none where the answer is text.</param>
/// <param name="ExpectedText">The text that is right where there are no calls.</param>
public sealed record ToolCallCase(
    string Kind,
    IReadOnlyList<ChatMessage> Messages,
    IReadOnlyList<AITool> Tools,
    IReadOnlyList<ExpectedToolCall> Expected,
    string ExpectedText)
{
    /// <summary>
    /// Makes a case of a conversation in OpenAI's form, as data sets have it: its last message is the right turn.
    /// </summary>
    /// <param name="kind">What the case tests.</param>
    /// <param name="messages">
    /// Objects with <c>role</c>, <c>content</c> and <c>tool_calls</c>, whose arguments are an object or its JSON.
    /// </param>
    /// <param name="tools">Objects <c>{"type": "function", "function": {…}}</c>; null where none are offered.</param>
    /// <exception cref="ArgumentException">
    /// There is no message, or one has no role; or a call or a tool has no name, or arguments that are no object.
    /// </exception>
    public static ToolCallCase FromConversation(string kind, JsonArray messages, JsonArray? tools)
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(messages);
        if (messages.Count < 2)
        {
            throw new ArgumentException(
                $"The conversation has {messages.Count} messages; expected at least a request and its answer.",
                nameof(messages));
        }

        var chat = new List<ChatMessage>();
        var open = new Queue<string>();
        for (var index = 0; index < messages.Count - 1; index++)
        {
            chat.Add(ToMessage(messages[index]!, index, open));
        }

        var last = messages[^1]!;
        var calls = Calls(last, messages.Count - 1).Select(
            function => new ExpectedToolCall(function.Name, function.Arguments));
        return new ToolCallCase(
            kind, chat, [.. (tools ?? []).Select(tool => ToTool(tool!))], [.. calls], last["content"]?.ToString()
                ?? "");
    }

    private static ChatMessage ToMessage(JsonNode message, int index, Queue<string> open)
    {
        var role = message["role"]?.ToString()
            ?? throw new ArgumentException($"Message {index + 1} has no 'role'.", nameof(message));
        var text = message["content"]?.ToString() ?? "";
        if (role == "tool")
        {
            var next = open.TryDequeue(out var id) ? id : $"call_{index}";
            return new ChatMessage(
                ChatRole.Tool, [new FunctionResultContent(message["tool_call_id"]?.ToString() ?? next, text)]);
        }

        var contents = new List<AIContent>();
        if (text.Length > 0)
        {
            contents.Add(new TextContent(text));
        }

        foreach (var (number, function) in Calls(message, index).Index())
        {
            var id = function.Id ?? $"call_{index}_{number}";
            open.Enqueue(id);
            contents.Add(new FunctionCallContent(
                id, function.Name, function.Arguments.ToDictionary(
                    argument => argument.Key, argument => (object?)ToElement(argument.Value))));
        }

        return new ChatMessage(new ChatRole(role), contents);
    }

    // OpenAI's form has the arguments as a text of JSON, data sets often as an object.
    private static IEnumerable<Call> Calls(JsonNode message, int index)
    {
        foreach (var call in message["tool_calls"] as JsonArray ?? [])
        {
            var function = (call as JsonObject)?["function"] ?? call;
            if ((function as JsonObject)?["name"] is not JsonValue name || !name.TryGetValue(out string? text))
            {
                throw new ArgumentException($"A call of message {index + 1} has no 'name'.", nameof(message));
            }

            yield return new Call(
                (call as JsonObject)?["id"]?.ToString(), text, Arguments(function["arguments"], text, index));
        }
    }

    private static JsonObject Arguments(JsonNode? node, string name, int index)
    {
        try
        {
            var parsed = node?.GetValueKind() == JsonValueKind.String
                ? node.GetValue<string>() is { Length: > 0 } text ? JsonNode.Parse(text) : null
                : node;
            return (JsonObject)(parsed?.DeepClone() ?? new JsonObject());
        }
        catch (Exception exception) when (exception is JsonException or InvalidCastException)
        {
            throw new ArgumentException(
                $"The arguments of the call of '{name}' in message {index + 1} are no object; expected one, or its "
                + "JSON.",
                nameof(node), exception);
        }
    }

    private static AIFunctionDeclaration ToTool(JsonNode tool)
    {
        var function = (tool as JsonObject)?["function"] ?? tool;
        if ((function as JsonObject)?["name"] is not JsonValue name || !name.TryGetValue(out string? text))
        {
            throw new ArgumentException("A tool has no 'name'.", nameof(tool));
        }

        var parameters = function["parameters"] ?? new JsonObject { ["type"] = "object" };
        return AIFunctionFactory.CreateDeclaration(
            text, function["description"]?.ToString(), ToElement(parameters));
    }

    private static JsonElement ToElement(JsonNode? node)
    {
        using var document = JsonDocument.Parse(node?.ToJsonString() ?? "null");
        return document.RootElement.Clone();
    }

    private sealed record Call(string? Id, string Name, JsonObject Arguments);
}

/// <summary>Holds a call that is right.</summary>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">Every argument; no other may be given.</param>
public sealed record ExpectedToolCall(string Name, JsonObject Arguments);
