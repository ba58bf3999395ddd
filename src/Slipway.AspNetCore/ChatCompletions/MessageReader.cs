using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Turns a request's messages into those of a chat client.</summary>
internal static class MessageReader
{
    private const string Roles = "one of 'system', 'developer', 'user', 'assistant' and 'tool'";

    /// <summary>Reads all messages.</summary>
    /// <exception cref="OpenAIException">A message is not as its role has it.</exception>
    public static List<ChatMessage> Read(IReadOnlyList<RequestMessage> messages)
    {
        Require.Count(messages.Count, 1, int.MaxValue, "messages");
        var open = new HashSet<string>(StringComparer.Ordinal);
        return [.. messages.Select((message, index) => Read(message, $"messages[{index}]", open))];
    }

    /// <summary>Refuses parts of media, which the models of packages do not take.</summary>
    /// <exception cref="OpenAIException">A message holds an image or a sound.</exception>
    public static void RequireTexts(IReadOnlyList<ChatMessage> messages)
    {
        foreach (var (index, message) in messages.Index())
        {
            foreach (var (part, content) in message.Contents.Index())
            {
                if (((content as DataContent)?.MediaType ?? (content as UriContent)?.MediaType) is { } type)
                {
                    throw new OpenAIException(
                        400, $"'messages[{index}].content[{part}]' is of the type '{OpenAIException.Excerpt(type)}'; "
                        + "this model takes texts only. Leave it out, or name a model that takes it.",
                        $"messages[{index}].content[{part}].type", "unsupported_value");
                }
            }
        }
    }

    /// <summary>Reads a role.</summary>
    /// <exception cref="OpenAIException">The role is unknown.</exception>
    public static ChatRole Role(string role, string path) => role switch
    {
        "system" or "developer" => ChatRole.System,
        "user" => ChatRole.User,
        "assistant" => ChatRole.Assistant,
        "tool" => ChatRole.Tool,
        _ => throw OpenAIException.InvalidValue(path, role, Roles),
    };

    /// <summary>Reads a call; arguments that are no JSON are what a model wrote, and go back to it as they
    /// are.</summary>
    public static FunctionCallContent Call(string id, string name, string arguments)
    {
        try
        {
            return new FunctionCallContent(id, name, ToolCall.ReadArguments(arguments.Length == 0 ? "{}" : arguments));
        }
        catch (JsonException exception)
        {
            return new FunctionCallContent(id, name) { Exception = exception, RawRepresentation = arguments };
        }
    }

    /// <summary>Makes the result of a call: a text where it is texts alone.</summary>
    public static FunctionResultContent Result(string id, IReadOnlyList<AIContent> contents) => new(
        id, contents.All(content => content is TextContent)
            ? string.Concat(contents.OfType<TextContent>().Select(text => text.Text)) : contents);

    private static ChatMessage Read(RequestMessage message, string path, HashSet<string> calls)
    {
        Require.Absent(
            message.FunctionCall.IsGiven(),
            $"{path}.function_call", "Send 'tool_calls' instead.");
        Require.Absent(
            message.Audio.IsGiven(), $"{path}.audio",
            "Send texts.");
        var role = Role(message.Role, $"{path}.role");
        var contents = role == ChatRole.Tool
            ? [Result(message, path, calls)]
            : ContentReader.Read(message.Content, $"{path}.content");
        if (role == ChatRole.Assistant)
        {
            AddAnswer(message, path, contents, calls);
        }
        else
        {
            Require.Absent(message.ToolCalls is not null, $"{path}.tool_calls", "Only an assistant calls tools.");
            if (!message.Content.IsGiven())
            {
                throw OpenAIException.Missing($"{path}.content");
            }
        }

        return new ChatMessage(role, contents) { AuthorName = message.Name };
    }

    private static void AddAnswer(
        RequestMessage message, string path, List<AIContent> contents, HashSet<string> calls)
    {
        if ((message.ReasoningContent ?? message.Reasoning) is { Length: > 0 } reasoning)
        {
            contents.Insert(0, new TextReasoningContent(reasoning));
        }

        if (message.Refusal is { Length: > 0 } refusal)
        {
            contents.Add(new TextContent(refusal));
        }

        foreach (var (index, call) in (message.ToolCalls ?? []).Index())
        {
            if (call.Type is not (null or "function"))
            {
                throw OpenAIException.InvalidValue($"{path}.tool_calls[{index}].type", call.Type, "'function'");
            }

            calls.Add(call.Id);
            contents.Add(Call(call.Id, call.Function.Name, call.Function.Arguments));
        }

        if (contents.Count == 0 && !message.Content.IsGiven())
        {
            if (message.ToolCalls is not { Count: > 0 } && message.Refusal is null)
            {
                throw OpenAIException.Missing($"{path}.content");
            }
        }
    }

    private static FunctionResultContent Result(RequestMessage message, string path, HashSet<string> calls)
    {
        var id = message.ToolCallId ?? throw OpenAIException.Missing($"{path}.tool_call_id");
        if (!calls.Contains(id))
        {
            throw OpenAIException.InvalidValue(
                $"{path}.tool_call_id", id, "the id of a call in an assistant's message before it");
        }

        return Result(id, ContentReader.Read(message.Content, $"{path}.content"));
    }
}
