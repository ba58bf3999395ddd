using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.Chat;

/// <summary>Describes tools in a prompt of this client's own, for chat templates that have no place for them.</summary>
internal static class FallbackTools
{
    /// <summary>Describes functions and how to call them.</summary>
    /// <param name="tools">The functions, as templates read them.</param>
    /// <param name="format">The format of a call.</param>
    public static string Describe(JsonArray tools, ToolCallFormat format)
    {
        var text = new StringBuilder(
            "You can call these functions, each given with the JSON schema of its parameters:\n");
        foreach (var tool in tools)
        {
            text.Append(tool!["function"]!.ToJsonString(JsonText.Options)).Append('\n');
        }

        var example = new ToolCall("name", new Dictionary<string, object?> { ["parameter"] = "value" });
        return text
            .Append("\nTo call a function, answer with its name and its arguments in this form, and nothing else:\n")
            .Append(format.Write([example])).ToString();
    }

    /// <summary>The text of a user's message that holds the result of a call.</summary>
    public static string Result(string result) => $"<tool_response>\n{result}\n</tool_response>";

    /// <summary>Adds a text to the system's message, or to the user's first where templates have none.</summary>
    public static void AddToSystem(JsonArray messages, string text, bool rendersSystem)
    {
        var role = rendersSystem ? "system" : "user";
        var index = rendersSystem
            ? messages is [JsonObject first, ..] && (string?)first["role"] == role ? 0 : -1
            : IndexOf(messages, role);
        if (index < 0)
        {
            messages.Insert(0, new JsonObject { ["role"] = role, ["content"] = text });
            return;
        }

        var message = (JsonObject)messages[index]!;
        var content = (string?)message["content"];
        var (before, after) = rendersSystem ? (content, text) : (text, content);
        message["content"] = string.IsNullOrEmpty(content) ? text : $"{before}\n\n{after}";
    }

    private static int IndexOf(JsonArray messages, string role)
    {
        for (var i = 0; i < messages.Count; i++)
        {
            if ((string?)messages[i]!["role"] == role)
            {
                return i;
            }
        }

        return -1;
    }
}
