using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Says whether tools may, must or must not be called, and which of them.</summary>
/// <param name="Mode">The mode; null where the request leaves it open.</param>
/// <param name="Allowed">The names of the tools that may be called; null for all.</param>
internal sealed record ToolChoice(ChatToolMode? Mode, IReadOnlySet<string>? Allowed = null)
{
    private const string Path = "tool_choice", Words = "one of 'none', 'auto' and 'required', or a function";

    /// <summary>Leaves of the tools those that may be called; null where there are none.</summary>
    public IList<AITool>? Of(IEnumerable<AITool>? tools)
        => tools?.Where(tool => Allowed?.Contains(tool.Name) != false).ToArray() is { Length: > 0 } offered
            ? offered : null;

    /// <summary>Reads a choice.</summary>
    /// <param name="choice">A word, a function by its name, or allowed tools.</param>
    /// <param name="tools">The names of the tools that are offered.</param>
    /// <param name="nests">
    /// Whether what a type means stands in a member of its name, as in chat completions, or beside it.
    /// </param>
    /// <exception cref="OpenAIException">The choice has another form, or names a tool that is not offered.</exception>
    public static ToolChoice Read(JsonElement choice, IReadOnlyCollection<string> tools, bool nests)
    {
        switch (choice.ValueKind)
        {
            case JsonValueKind.Undefined or JsonValueKind.Null:
                return new(Mode: null);
            case JsonValueKind.String:
                return new(choice.GetString() switch
                {
                    "none" => ChatToolMode.None,
                    "auto" => ChatToolMode.Auto,
                    "required" => ChatToolMode.RequireAny,
                    var word => throw OpenAIException.InvalidValue(Path, word, Words),
                });
            case JsonValueKind.Object:
                break;
            default:
                throw OpenAIException.InvalidType(Path, JsonShape.KindOf(choice), "a string or an object");
        }

        var type = Text(choice, Path, "type");
        return type switch
        {
            "function" => new(ChatToolMode.RequireSpecific(Name(choice, Path, tools, nests))),
            "allowed_tools" => Allow(choice, tools, nests),
            _ => throw OpenAIException.InvalidValue($"{Path}.type", type, "'function' or 'allowed_tools'"),
        };
    }

    private static ToolChoice Allow(JsonElement choice, IReadOnlyCollection<string> tools, bool nests)
    {
        var path = nests ? $"{Path}.allowed_tools" : Path;
        var allowed = nests ? Member(choice, Path, "allowed_tools", JsonValueKind.Object, "an object") : choice;
        var mode = Text(allowed, path, "mode");
        var list = Member(allowed, path, "tools", JsonValueKind.Array, "an array");
        Require.Count(list.GetArrayLength(), 1, int.MaxValue, $"{path}.tools");
        return new(
            mode switch
            {
                "auto" => ChatToolMode.Auto,
                "required" => ChatToolMode.RequireAny,
                _ => throw OpenAIException.InvalidValue($"{path}.mode", mode, "'auto' or 'required'"),
            },
            list.EnumerateArray().Select((tool, index) => Allowed(tool, $"{path}.tools[{index}]")).ToHashSet());

        string Allowed(JsonElement tool, string place)
        {
            if (tool.ValueKind != JsonValueKind.Object)
            {
                throw OpenAIException.InvalidType(place, JsonShape.KindOf(tool), "an object");
            }

            var type = Text(tool, place, "type");
            return type == "function"
                ? Name(tool, place, tools, nests)
                : throw OpenAIException.InvalidValue($"{place}.type", type, "'function'");
        }
    }

    private static string Name(JsonElement element, string path, IReadOnlyCollection<string> tools, bool nests)
    {
        var (holder, place) = nests
            ? (Member(element, path, "function", JsonValueKind.Object, "an object"), $"{path}.function")
            : (element, path);
        var name = Text(holder, place, "name");
        return tools.Contains(name)
            ? name : throw OpenAIException.InvalidValue($"{place}.name", name, "the name of one of 'tools'");
    }

    private static string Text(JsonElement element, string path, string name)
        => Member(element, path, name, JsonValueKind.String, "a string").GetString()!;

    private static JsonElement Member(
        JsonElement element, string path, string name, JsonValueKind kind, string expected)
        => !element.TryGetProperty(name, out var member) ? throw OpenAIException.Missing($"{path}.{name}")
            : member.ValueKind == kind ? member
            : throw OpenAIException.InvalidType($"{path}.{name}", JsonShape.KindOf(member), expected);
}
