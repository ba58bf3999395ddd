using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Turns chat messages into the <c>messages</c> that chat templates read.</summary>
/// <remarks>
/// The shape is Hugging Face's: <c>role</c>, <c>content</c> (always a string), on an assistant's message
/// <c>reasoning_content</c> and <c>tool_calls</c> where there are any, on a tool's <c>tool_call_id</c> and <c>name</c>.
/// </remarks>
internal sealed class TemplateMessages
{
    private static readonly ChatRole[] Known = [ChatRole.System, ChatRole.User, ChatRole.Assistant, ChatRole.Tool];

    private readonly List<JsonObject> _result;
    private readonly CallOrder _order;
    private readonly TemplateTraits _traits;
    private readonly MessageEscape _escape;
    private readonly TemplateCalls _calls;
    private readonly HashSet<string> _answered;

    private TemplateMessages(
        List<JsonObject> result, CallOrder order, TemplateTraits traits, MessageEscape escape,
        HashSet<string> answered)
    {
        (_result, _order, _traits, _escape, _answered) = (result, order, traits, escape, answered);
        _calls = new(traits, escape);
    }

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
        var result = new List<JsonObject>();
        var order = new CallOrder();
        if (!string.IsNullOrEmpty(instructions))
        {
            result.Add(NewMessage(ChatRole.System.Value, escape.Text(instructions)));
        }

        var answered = messages.SelectMany(message => message.Contents).OfType<FunctionResultContent>()
            .Select(functionResult => functionResult.CallId).ToHashSet(StringComparer.Ordinal);
        var builder = new TemplateMessages(result, order, traits, escape, answered);
        for (var i = 0; i < messages.Count; i++)
        {
            builder.Add(messages[i], i);
        }

        return new ConversationFitter(traits).Fit(result);
    }

    private void Add(ChatMessage message, int index)
    {
        var (text, reasoning, calls) = (new StringBuilder(), new StringBuilder(), new List<FunctionCallContent>());
        var hasResults = false;
        foreach (var content in message.Contents)
        {
            switch (content)
            {
                case TextContent t:
                    text.Append(message.Role == ChatRole.Assistant ? _escape.Answer(t.Text) : _escape.Text(t.Text));
                    break;
                case TextReasoningContent t:
                    reasoning.Append(_escape.Text(t.Text));
                    break;
                case FunctionCallContent { Exception: not null, RawRepresentation: string written }:
                    text.Append(_escape.Text(written));
                    break;
                case FunctionCallContent call:
                    _order.Add(call.CallId, call.Name);
                    calls.Add(call);
                    break;
                case FunctionResultContent functionResult:
                    if (calls.Count > 0)
                    {
                        AddEntry(); // one message may hold calls, their results and what was said of them
                    }

                    hasResults = true;
                    _order.AddResult(_result, functionResult.CallId, _calls.Result(
                        functionResult, _order.Function(functionResult.CallId)));
                    break;
                case DataContent data when data.HasTopLevelMediaType("text"):
                    text.Append(_escape.Text(Encoding.UTF8.GetString(data.Data.Span)));
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

        if (!hasResults || text.Length + reasoning.Length + calls.Count > 0)
        {
            AddEntry();
        }

        void AddEntry()
        {
            AddEntries(Role(message.Role), text.ToString(), reasoning.ToString(), calls);
            text.Clear();
            reasoning.Clear();
            calls.Clear();
        }
    }

    private void AddEntries(string role, string text, string reasoning, List<FunctionCallContent> calls)
    {
        if (text.Length > 0 && calls.Count > 0 && _traits.Conversation.TextBesideCalls == TextBesideCalls.Apart)
        {
            AddEntries(role, text, reasoning, []);
            (text, reasoning) = ("", "");
        }

        // A template that renders no such calls would leave a gap in the conversation, or refuse it.
        var isWritten = calls.Count > 0 && (!_traits.RendersCalls
            || (text.Length > 0 && _traits.Conversation.TextBesideCalls == TextBesideCalls.Written)
            || (!_traits.Conversation.TakesNeighbours && !calls.TrueForAll(call => _answered.Contains(call.CallId))));
        var entry = NewMessage(
            role, isWritten ? $"{text}{(text.Length > 0 ? "\n" : "")}{_calls.Written(calls)}" : text);
        if (reasoning.Length > 0)
        {
            entry[_traits.ReasoningMember] = reasoning;
        }

        if (calls.Count > 0 && !isWritten)
        {
            // Made by its constructor: what a collection expression calls needs reflection.
            entry["tool_calls"] = new JsonArray([.. calls.Select(call => (JsonNode)_calls.Call(call))]);
            entry["content"] = text.Length > 0 ? text : Empty(_traits.EmptyContent);
        }

        _order.AddMessage(_result, entry);
    }

    /// <summary>A text as a list of one part.</summary>
    internal static JsonArray Part(string text) => new(new JsonObject { ["type"] = "text", ["text"] = text });

    /// <summary>Content of a message that says nothing.</summary>
    internal static JsonNode? Empty(EmptyContent form) => form switch
    {
        EmptyContent.Null => null,
        EmptyContent.Part => Part(""),
        _ => "",
    };

    /// <summary>A message of a text.</summary>
    internal static JsonObject NewMessage(string role, string content) => new()
    {
        ["role"] = role, ["content"] = content,
    };

    // Roles are the same in any case, but not to a template.
    private string Role(ChatRole role)
        => Array.Find(Known, known => known == role) is { Value: { } name } ? name : _escape.Text(role.Value);
}
