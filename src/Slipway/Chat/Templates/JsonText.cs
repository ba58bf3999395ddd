using System.Text.Encodings.Web;
using System.Text.Json;

namespace Slipway.Chat;

/// <summary>Options with which JSON is written into prompts: short, and every character as it is.</summary>
internal static class JsonText
{
    /// <summary>The options.</summary>
    public static JsonSerializerOptions Options { get; } = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
