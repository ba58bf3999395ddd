using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Responses;

/// <summary>Turns items of a conversation into the messages of a chat client.</summary>
/// <remarks>
/// What an assistant reasons, says and calls in one go is one message; results of calls are messages of their own.
/// </remarks>
internal sealed class ItemReader
{
    private static readonly string[] ReasoningMembers = ["content", "summary"];
    private readonly List<ChatMessage> _messages = [];
    private readonly HashSet<string> _calls = new(StringComparer.Ordinal);

    /// <summary>The messages.</summary>
    public IReadOnlyList<ChatMessage> Messages => _messages;

    /// <summary>Adds an item.</summary>
    /// <exception cref="OpenAIException">The item is not as its type has it.</exception>
    public void Add(JsonElement item, string path)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            throw OpenAIException.InvalidType(path, JsonShape.KindOf(item), "an object");
        }

        var type = Text(item, "type", path) ?? "message";
        switch (type)
        {
            case "message":
                AddMessage(item, path);
                break;
            case "reasoning":
                AddToAssistant(new TextReasoningContent(Reasoning(item)));
                break;
            case "function_call":
                var id = Required(item, "call_id", path);
                _calls.Add(id);
                AddToAssistant(MessageReader.Call(
                    id, Required(item, "name", path), Required(item, "arguments", path)));
                break;
            case "function_call_output":
                AddResult(item, path);
                break;
            default:
                throw OpenAIException.InvalidValue(
                    $"{path}.type", type, "one of 'message', 'reasoning', 'function_call' and 'function_call_output'");
        }
    }

    private void AddMessage(JsonElement item, string path)
    {
        var word = Required(item, "role", path);
        var role = MessageReader.Role(word, $"{path}.role");
        if (role == ChatRole.Tool)
        {
            throw OpenAIException.InvalidValue(
                $"{path}.role", word, "one of 'system', 'developer', 'user' and 'assistant'");
        }

        if (!item.TryGetProperty("content", out var content) || content.ValueKind == JsonValueKind.Null)
        {
            throw OpenAIException.Missing($"{path}.content");
        }

        var contents = ContentReader.Read(content, $"{path}.content");
        if (role == ChatRole.Assistant)
        {
            contents.ForEach(AddToAssistant);
        }
        else
        {
            _messages.Add(new ChatMessage(role, contents));
        }
    }

    private void AddResult(JsonElement item, string path)
    {
        var id = Required(item, "call_id", path);
        if (!_calls.Contains(id))
        {
            throw OpenAIException.InvalidValue($"{path}.call_id", id, "the id of a call before it");
        }

        if (!item.TryGetProperty("output", out var output))
        {
            throw OpenAIException.Missing($"{path}.output");
        }

        var contents = ContentReader.Read(output, $"{path}.output");
        _messages.Add(new ChatMessage(ChatRole.Tool, [MessageReader.Result(id, contents)]));
    }

    private void AddToAssistant(AIContent content)
    {
        if (_messages.Count > 0 && _messages[^1].Role == ChatRole.Assistant)
        {
            _messages[^1].Contents.Add(content);
        }
        else
        {
            _messages.Add(new ChatMessage(ChatRole.Assistant, [content]));
        }
    }

    private static string Reasoning(JsonElement item) => string.Concat(
        ReasoningMembers
            .Select(name => item.TryGetProperty(name, out var parts) && parts.ValueKind == JsonValueKind.Array
                ? string.Concat(parts.EnumerateArray().Select(
                    part => part.ValueKind == JsonValueKind.Object && part.TryGetProperty("text", out var text)
                        && text.ValueKind == JsonValueKind.String ? text.GetString() : ""))
                : "")
            .FirstOrDefault(text => text.Length > 0) ?? "");

    private static string Required(JsonElement item, string name, string path)
        => Text(item, name, path) ?? throw OpenAIException.Missing($"{path}.{name}");

    private static string? Text(JsonElement item, string name, string path)
        => !item.TryGetProperty(name, out var text) || text.ValueKind == JsonValueKind.Null ? null
            : text.ValueKind == JsonValueKind.String ? text.GetString()
            : throw OpenAIException.InvalidType($"{path}.{name}", JsonShape.KindOf(text), "a string");
}
