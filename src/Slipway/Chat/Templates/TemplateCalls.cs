using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Turns calls and their results into what a chat template reads of them.</summary>
/// <param name="traits">What the template takes.</param>
/// <param name="escape">Escapes what the calls say, but not what this client writes around it.</param>
internal sealed class TemplateCalls(TemplateTraits traits, MessageEscape escape)
{
    private const string Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private const int IdLength = 9;

    /// <summary>Converts a call.</summary>
    /// <exception cref="ArgumentException">An argument cannot be written as JSON.</exception>
    public JsonObject Call(FunctionCallContent call) => new()
    {
        ["id"] = Id(call.CallId),
        ["type"] = "function",
        ["function"] = new JsonObject
        {
            ["name"] = escape.Text(call.Name),
            ["arguments"] = traits.TakesArgumentsAsText ? Read(call).WriteArguments() : Arguments(call),
        },
    };

    /// <summary>Writes calls as the model does, for templates that would leave them out.</summary>
    /// <exception cref="ArgumentException">An argument cannot be written as JSON.</exception>
    public string Written(IEnumerable<FunctionCallContent> calls)
        => (traits.Calls ?? ToolCallFormats.Fallback).Write([.. calls.Select(Read)]);

    /// <summary>Converts the result of a call.</summary>
    /// <param name="result">The result.</param>
    /// <param name="function">The function of the call; null where it is not known.</param>
    /// <exception cref="ArgumentException">The result cannot be written as JSON.</exception>
    public JsonObject Result(FunctionResultContent result, string? function)
    {
        var text = escape.Text(
            TemplateValues.ToText(result.Result, $"The result of the call '{Excerpt.Of(result.CallId)}'"));
        if (!traits.RendersResults)
        {
            return TemplateMessages.NewMessage(ChatRole.User.Value, FallbackTools.Result(text));
        }

        var entry = TemplateMessages.NewMessage(ChatRole.Tool.Value, text);
        if (traits.TakesResultsAsParts)
        {
            entry["content"] = TemplateMessages.Part(text);
        }

        entry["tool_call_id"] = Id(result.CallId);
        if (function is not null)
        {
            entry["name"] = escape.Text(function);
        }

        return entry;
    }

    private ToolCall Read(FunctionCallContent call)
        => new(
            escape.Text(call.Name),
            Arguments(call).ToDictionary(
                pair => pair.Key,
                pair => pair.Value is JsonValue value && value.TryGetValue<string>(out var text)
                    ? text : (object?)pair.Value));

    private JsonObject Arguments(FunctionCallContent call)
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

    // Ids of other clients' calls are of any form; equal ones stay equal.
    private string Id(string id)
        => traits.Conversation.TakesAnyId || (id.Length == IdLength && id.All(char.IsAsciiLetterOrDigit))
            ? escape.Text(id)
            : string.Concat(SHA256.HashData(Encoding.UTF8.GetBytes(id)).Take(IdLength)
                .Select(value => Alphanumeric[value % Alphanumeric.Length]));
}
