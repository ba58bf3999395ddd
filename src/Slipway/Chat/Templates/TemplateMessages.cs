using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Turns chat messages into the <c>messages</c> that chat templates read.</summary>
/// <remarks>
/// The shape is Hugging Face's: <c>role</c>, <c>content</c> (always a string), on an assistant's message
/// <c>reasoning_content</c> and <c>tool_calls</c> where there are any, on a tool's <c>tool_call_id</c> and <c>name</c>.
/// </remarks>
internal static class TemplateMessages
{
    /// <summary>Checks that the lists hold what they say.</summary>
    /// <exception cref="ArgumentException">A message, a content or a role is missing; the message says
    /// which.</exception>
    public static void Validate(IReadOnlyList<ChatMessage> messages)
    {
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i] is not { } message)
            {
                throw new ArgumentException($"Message {i} is null. Leave it out.", nameof(messages));
            }

            if (string.IsNullOrEmpty(message.Role.Value))
            {
                throw new ArgumentException(
                    $"Message {i} has no role; expected one such as 'user' or 'assistant'.", nameof(messages));
            }

            for (var j = 0; j < message.Contents.Count; j++)
            {
                if (message.Contents[j] is null)
                {
                    throw new ArgumentException(
                        $"Content {j} of message {i} (role '{Excerpt.Of(message.Role.Value)}') is null. Leave it out.",
                        nameof(messages));
                }
            }
        }
    }

    /// <summary>Converts the messages; <paramref name="instructions"/> become a system message before them.</summary>
    /// <param name="messages">The messages.</param>
    /// <param name="instructions">A system message of the request's own; null for none.</param>
    /// <param name="traits">What the template takes; what it does not render is written into texts.</param>
    /// <param name="escape">Escapes what the messages say, but not what this client writes around it.</param>
    /// <exception cref="NotSupportedException">A message holds an image or audio, or refers to a text
    /// elsewhere.</exception>
    /// <exception cref="ArgumentException">An argument or a result of a function cannot be written as JSON.</exception>
    public static JsonArray From(
        IReadOnlyList<ChatMessage> messages, string? instructions, TemplateTraits traits, MessageEscape escape)
    {
        var result = new JsonArray();
        var functions = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!string.IsNullOrEmpty(instructions))
        {
            result.Add((JsonNode)NewMessage(ChatRole.System.Value, escape.Text(instructions)));
        }

        for (var i = 0; i < messages.Count; i++)
        {
            Add(result, messages[i], i, functions, traits, escape);
        }

        if (!traits.RendersSystem)
        {
            MoveSystem(result);
        }

        return result;
    }

    private static void Add(
        JsonArray result, ChatMessage message, int index, Dictionary<string, string> functions, TemplateTraits traits,
        MessageEscape escape)
    {
        var (text, reasoning, calls) = (new StringBuilder(), new StringBuilder(), new JsonArray());
        var writtenCalls = new List<ToolCall>();
        var hasResults = false;
        foreach (var content in message.Contents)
        {
            switch (content)
            {
                case TextContent t:
                    text.Append(message.Role == ChatRole.Assistant ? escape.Answer(t.Text) : escape.Text(t.Text));
                    break;
                case TextReasoningContent t:
                    reasoning.Append(escape.Text(t.Text));
                    break;
                case FunctionCallContent { Exception: not null, RawRepresentation: string written }:
                    text.Append(escape.Text(written));
                    break;
                case FunctionCallContent call:
                    functions[call.CallId] = call.Name;
                    if (traits.RendersCalls)
                    {
                        calls.Add((JsonNode)NewCall(call, traits.TakesArgumentsAsText, escape));
                    }

                    writtenCalls.Add(Written(call, escape));
                    break;
                case FunctionResultContent functionResult:
                    hasResults = true;
                    result.Add((JsonNode)NewResult(functionResult, functions, traits, escape));
                    break;
                case DataContent data when data.HasTopLevelMediaType("text"):
                    text.Append(escape.Text(Encoding.UTF8.GetString(data.Data.Span)));
                    break;
                case UriContent uri when uri.HasTopLevelMediaType("text"):
                    throw new NotSupportedException(
                        $"Message {index} (role '{Excerpt.Of(message.Role.Value)}') refers to a text "
                        + $"at '{Excerpt.Of(uri.Uri.ToString())}'; this client fetches "
                        + "nothing. Read the text yourself and add it as TextContent.");
                case DataContent or UriContent:
                    var type = (content as DataContent)?.MediaType ?? ((UriContent)content).MediaType;
                    throw new NotSupportedException(
                        $"Message {index} (role '{Excerpt.Of(message.Role.Value)}') holds content of type "
                        + $"'{Excerpt.Of(type)}'; this model takes text only. Remove the content, "
                        + "or use a model that takes it.");
            }
        }

        if (hasResults && text.Length == 0 && reasoning.Length == 0 && calls.Count == 0)
        {
            return;
        }

        if (writtenCalls.Count > 0 && !traits.RendersCalls)
        {
            // A template that renders no calls would leave a gap in the conversation.
            var format = traits.Calls ?? ToolCallFormats.Fallback;
            text.Append(text.Length == 0 ? "" : "\n").Append(format.Write(writtenCalls));
        }

        var entry = NewMessage(escape.Text(message.Role.Value), text.ToString());
        if (calls.Count > 0 && text.Length == 0)
        {
            entry["content"] = traits.EmptyContent switch
            {
                EmptyContent.Null => null,
                EmptyContent.Part => Part(""),
                _ => "",
            };
        }

        if (reasoning.Length > 0)
        {
            entry[traits.ReasoningMember] = reasoning.ToString();
        }

        if (calls.Count > 0)
        {
            entry["tool_calls"] = calls;
        }

        result.Add((JsonNode)entry);
    }

    /// <summary>A text as a list of one part.</summary>
    internal static JsonArray Part(string text) => new(new JsonObject { ["type"] = "text", ["text"] = text });

    private static JsonObject NewMessage(string role, string content) => new()
    {
        ["role"] = role, ["content"] = content,
    };

    private static ToolCall Written(FunctionCallContent call, MessageEscape escape)
        => new(
            escape.Text(call.Name),
            Arguments(call, escape).ToDictionary(
                pair => pair.Key,
                pair => pair.Value is JsonValue value && value.TryGetValue<string>(out var text)
                    ? text : (object?)pair.Value));

    private static JsonObject Arguments(FunctionCallContent call, MessageEscape escape)
    {
        var arguments = new JsonObject();
        foreach (var (name, value) in call.Arguments ?? new Dictionary<string, object?>())
        {
            arguments[name] = TemplateValues.ToNode(
                value,
                $"The argument '{Excerpt.Of(name)}' of the call '{Excerpt.Of(call.CallId)}' of "
                + $"'{Excerpt.Of(call.Name)}'");
        }

        return (JsonObject)escape.Node(arguments)!;
    }

    private static JsonObject NewCall(FunctionCallContent call, bool asText, MessageEscape escape) => new()
    {
        ["id"] = escape.Text(call.CallId),
        ["type"] = "function",
        ["function"] = new JsonObject
        {
            ["name"] = escape.Text(call.Name),
            ["arguments"] = asText ? Written(call, escape).WriteArguments() : Arguments(call, escape),
        },
    };

    private static JsonObject NewResult(
        FunctionResultContent result, Dictionary<string, string> functions, TemplateTraits traits,
        MessageEscape escape)
    {
        var text = escape.Text(
            TemplateValues.ToText(result.Result, $"The result of the call '{Excerpt.Of(result.CallId)}'"));
        if (!traits.RendersResults)
        {
            return NewMessage(ChatRole.User.Value, FallbackTools.Result(text));
        }

        var entry = NewMessage(ChatRole.Tool.Value, text);
        if (traits.TakesResultsAsParts)
        {
            entry["content"] = Part(text);
        }

        entry["tool_call_id"] = escape.Text(result.CallId);
        if (functions.TryGetValue(result.CallId, out var name))
        {
            entry["name"] = escape.Text(name);
        }

        return entry;
    }

    // Templates that take no system message find its text before the user's first one.
    private static void MoveSystem(JsonArray messages)
    {
        var texts = new List<string>();
        while (messages is [JsonObject first, ..] && (string?)first["role"] == ChatRole.System.Value)
        {
            texts.Add((string?)first["content"] ?? "");
            messages.RemoveAt(0);
        }

        if (texts.Count > 0)
        {
            FallbackTools.AddToSystem(messages, string.Join("\n\n", texts), rendersSystem: false);
        }
    }
}
