using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Slipway.Gateway.Balancing;

/// <summary>Holds a hash of what all requests of a conversation begin with.</summary>
/// <param name="hash">SHA-256 of the beginning.</param>
internal sealed class PromptPrefix(byte[] hash)
{
    // A prompt without messages may grow at its end, so that only its beginning can count.
    private const int BeginningOfText = 256;

    // One row an endpoint that generates: the property that holds its prompt.
    private static readonly (string Path, string Property)[] Prompts =
    [
        ("/chat/completions", "messages"),
        ("/completions", "prompt"),
        ("/responses", "input"),
        ("/api/chat", "messages"),
        ("/api/generate", "prompt"),
    ];

    /// <summary>Tells whether requests to a path have a prompt.</summary>
    public static bool IsAt(PathString path) => PropertyOf(path) is not null;

    /// <summary>Finds the beginning in a request's body; null where there is none.</summary>
    /// <remarks>
    /// A caller's own <c>prompt_cache_key</c>; else the instructions and all messages up to the first one of a user's,
    /// or the first 256 bytes of a prompt. The model always counts.
    /// </remarks>
    /// <param name="path">The request's path.</param>
    /// <param name="body">The request's JSON.</param>
    public static PromptPrefix? Find(PathString path, JsonElement body)
    {
        if (PropertyOf(path) is not { } property || body.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var prefix = new ArrayBufferWriter<byte>();
        if (body.TryGetProperty("prompt_cache_key", out var key) && key.ValueKind == JsonValueKind.String)
        {
            Append(prefix, key);
        }
        else if (body.TryGetProperty(property, out var prompt) && AppendPrompt(prefix, prompt, property))
        {
            AppendProperty(prefix, body, "instructions");
            AppendProperty(prefix, body, "system");
        }
        else
        {
            return null;
        }

        AppendProperty(prefix, body, "model");
        return new PromptPrefix(SHA256.HashData(prefix.WrittenSpan));
    }

    /// <summary>Gives a replica's weight for the conversation, whose own replica is the one with the largest.</summary>
    /// <remarks>
    /// Rendezvous hashing: the others' weights stay as they are where a replica comes or goes, so that no conversation
    /// but its own moves. Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998.
    /// </remarks>
    public ulong WeightOf(string address)
    {
        var text = Encoding.UTF8.GetBytes(address.TrimEnd('/').ToUpperInvariant());
        return BitConverter.ToUInt64(SHA256.HashData([.. hash, .. text]));
    }

    private static string? PropertyOf(PathString path) => Array.Find(
        Prompts, row => path.Value?.EndsWith(row.Path, StringComparison.Ordinal) == true).Property;

    private static bool AppendPrompt(ArrayBufferWriter<byte> prefix, JsonElement prompt, string property)
    {
        if (property == "prompt" || prompt.ValueKind != JsonValueKind.Array)
        {
            var text = JsonMarshal.GetRawUtf8Value(prompt);
            prefix.Write(text[..Math.Min(text.Length, BeginningOfText)]);
            return prompt.ValueKind is JsonValueKind.String or JsonValueKind.Array;
        }

        foreach (var message in prompt.EnumerateArray())
        {
            Append(prefix, message);
            if (message.ValueKind == JsonValueKind.Object && message.TryGetProperty("role", out var role)
                && role.ValueKind == JsonValueKind.String && role.ValueEquals("user"u8))
            {
                break;
            }
        }

        return prompt.GetArrayLength() > 0;
    }

    private static void AppendProperty(ArrayBufferWriter<byte> prefix, JsonElement body, string name)
    {
        if (body.TryGetProperty(name, out var value))
        {
            Append(prefix, value);
        }
    }

    private static void Append(ArrayBufferWriter<byte> prefix, JsonElement value)
    {
        prefix.Write(JsonMarshal.GetRawUtf8Value(value));
        prefix.Write("\n"u8);
    }
}
