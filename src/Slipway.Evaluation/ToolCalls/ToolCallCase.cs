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
    /// <summary>Makes a case of a conversation in the form of data sets: its last message is the right turn.</summary>
    /// <param name="kind">What the case tests.</param>
    /// <param name="messages">Objects with <c>role</c>, <c>content</c> and <c>tool_calls</c>.</param>
    /// <param name="tools">Objects <c>{"type": "function", "function": {…}}</c>; null where none are offered.</param>
    /// <exception cref="ArgumentException">There is no message, or one has no role.</exception>
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
        var calls = Calls(last).Select(function => new ExpectedToolCall(
            function["name"]!.GetValue<string>(),
            (JsonObject)(function["arguments"]?.DeepClone() ?? new JsonObject())));
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
            return new ChatMessage(
                ChatRole.Tool, [new FunctionResultContent(open.TryDequeue(out var id) ? id : $"call_{index}", text)]);
        }

        var contents = new List<AIContent>();
        if (text.Length > 0)
        {
            contents.Add(new TextContent(text));
        }

        foreach (var (number, function) in Calls(message).Index())
        {
            var id = $"call_{index}_{number}";
            open.Enqueue(id);
            contents.Add(new FunctionCallContent(
                id, function["name"]!.GetValue<string>(), (function["arguments"] as JsonObject)?.ToDictionary(
                    argument => argument.Key, argument => (object?)ToElement(argument.Value))));
        }

        return new ChatMessage(new ChatRole(role), contents);
    }

    private static IEnumerable<JsonNode> Calls(JsonNode message) =>
        (message["tool_calls"] as JsonArray ?? []).Select(call => call!["function"] ?? call);

    private static AIFunctionDeclaration ToTool(JsonNode tool)
    {
        var function = tool["function"] ?? tool;
        return AIFunctionFactory.CreateDeclaration(
            function["name"]!.GetValue<string>(), function["description"]?.ToString(),
            ToElement(function["parameters"]));
    }

    private static JsonElement ToElement(JsonNode? node)
    {
        using var document = JsonDocument.Parse(node?.ToJsonString() ?? "null");
        return document.RootElement.Clone();
    }
}

/// <summary>Holds a call that is right.</summary>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">Every argument; no other may be given.</param>
public sealed record ExpectedToolCall(string Name, JsonObject Arguments);
