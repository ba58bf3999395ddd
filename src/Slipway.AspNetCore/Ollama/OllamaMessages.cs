using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Turns a request's messages and tools into those of a chat client.</summary>
internal static class OllamaMessages
{
    // The first bytes of images, one row a format.
    private static readonly (byte[] Begin, string Type)[] Images =
    [
        ([0x89, (byte)'P', (byte)'N', (byte)'G'], "image/png"),
        ([0xFF, 0xD8, 0xFF], "image/jpeg"),
        ([(byte)'G', (byte)'I', (byte)'F', (byte)'8'], "image/gif"),
        ([(byte)'R', (byte)'I', (byte)'F', (byte)'F'], "image/webp"),
        ([(byte)'B', (byte)'M'], "image/bmp"),
    ];

    /// <summary>Reads all messages.</summary>
    /// <remarks>
    /// Calls need no ids: a result belongs to the call of its id, else to the first one of its tool's name that has no
    /// result, else to the first one that has none.
    /// </remarks>
    /// <exception cref="OpenAIException">A message is not as its role has it.</exception>
    public static List<ChatMessage> Read(IReadOnlyList<OllamaMessage> messages)
    {
        var (open, count) = (new List<FunctionCallContent>(), 0);
        return [.. messages.Select((message, index) => Read(message, $"messages[{index}]", open, ref count))];
    }

    /// <summary>Reads the messages of a prompt.</summary>
    /// <exception cref="OpenAIException">An image is none.</exception>
    public static List<ChatMessage> Read(OllamaGenerateRequest request)
    {
        List<ChatMessage> messages = [];
        if (!string.IsNullOrEmpty(request.System))
        {
            messages.Add(new ChatMessage(ChatRole.System, request.System));
        }

        List<AIContent> contents = [new TextContent(request.Prompt), .. ReadImages(request.Images, "images")];
        messages.Add(new ChatMessage(ChatRole.User, contents));
        return messages;
    }

    /// <summary>Reads the tools; null where there are none.</summary>
    /// <exception cref="OpenAIException">A tool is no function, or its schema no object.</exception>
    public static List<AITool>? Read(IReadOnlyList<OllamaTool>? tools) => tools is not { Count: > 0 } ? null :
    [
        .. tools.Select((tool, index) => tool.Type is null or "function"
            ? FunctionReader.Read(
                tool.Function.Name, tool.Function.Description, tool.Function.Parameters, $"tools[{index}].function")
            : throw OpenAIException.InvalidValue($"tools[{index}].type", tool.Type, "'function'")),
    ];

    private static ChatMessage Read(
        OllamaMessage message, string path, List<FunctionCallContent> open, ref int count)
    {
        if (message.Role.Length == 0)
        {
            throw OpenAIException.Missing($"{path}.role");
        }

        // Other roles than the usual ones reach the template, as they do in Ollama.
        var role = new ChatRole(message.Role.ToLowerInvariant());
        if (role == ChatRole.Tool)
        {
            var call = open.Find(other => other.CallId == message.ToolCallId)
                ?? open.Find(other => other.Name == message.ToolName) ?? open.FirstOrDefault();
            if (call is not null)
            {
                open.Remove(call);
            }

            var id = call?.CallId ?? message.ToolCallId ?? NewId(ref count);
            return new ChatMessage(role, [new FunctionResultContent(id, message.Content ?? "")]);
        }

        List<AIContent> contents = [];
        if (!string.IsNullOrEmpty(message.Thinking))
        {
            contents.Add(new TextReasoningContent(message.Thinking));
        }

        if (!string.IsNullOrEmpty(message.Content))
        {
            contents.Add(new TextContent(message.Content));
        }

        contents.AddRange(ReadImages(message.Images, $"{path}.images"));
        foreach (var (index, call) in (message.ToolCalls ?? []).Index())
        {
            var arguments = call.Function.Arguments;
            if (arguments.ValueKind is not (JsonValueKind.Object or JsonValueKind.Undefined or JsonValueKind.Null))
            {
                throw OpenAIException.InvalidType(
                    $"{path}.tool_calls[{index}].function.arguments", JsonShape.KindOf(arguments), "an object");
            }

            var read = MessageReader.Call(
                string.IsNullOrEmpty(call.Id) ? NewId(ref count) : call.Id, call.Function.Name,
                arguments.IsGiven() ? arguments.GetRawText() : "");
            open.Add(read);
            contents.Add(read);
        }

        return new ChatMessage(role, contents);
    }

    private static string NewId(ref int count) => $"call_{count++}";

    private static IEnumerable<DataContent> ReadImages(IReadOnlyList<string>? images, string path)
        => (images ?? []).Select((image, index) =>
        {
            try
            {
                var bytes = Convert.FromBase64String(image);
                var type = Array.Find(Images, row => bytes.AsSpan().StartsWith(row.Begin)).Type;
                return new DataContent(bytes, type ?? "image/*");
            }
            catch (FormatException)
            {
                throw new OpenAIException(
                    400, $"'{path}[{index}]' cannot be read; expected an image in Base64.", $"{path}[{index}]",
                    "invalid_value");
            }
        });
}
