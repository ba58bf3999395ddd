using System.Text.Json.Nodes;
using Slipway.Training.Running;

namespace Slipway.Training.Data;

/// <summary>Refuses conversations whose roles follow each other as no model is asked to answer.</summary>
/// <remarks>
/// Instructions come first; then a user and the assistant by turns, the assistant's calls of tools followed by their
/// results. The assistant says something: text or a call.
/// </remarks>
internal static class RoleOrder
{
    // The roles that may come before each.
    private static readonly Dictionary<string, string?[]> Before = new(StringComparer.Ordinal)
    {
        ["system"] = [null],
        ["developer"] = [null, "system"],
        ["user"] = [null, "system", "developer", "assistant"],
        ["assistant"] = ["user", "tool"],
        ["tool"] = ["assistant", "tool"],
    };

    public static void Check(JsonLine line, IReadOnlyList<JsonNode?> messages)
    {
        string? last = null;
        for (var index = 0; index < messages.Count; index++)
        {
            var message = (JsonObject)messages[index]!;
            var role = (string)message["role"]!;
            if (!Before.TryGetValue(role, out var before))
            {
                throw new TrainingException(
                    $"Message {index + 1} in line {line.Number} of '{line.Path}' has the role '{role}'; expected one "
                    + $"of '{string.Join("', '", Before.Keys)}'.");
            }

            if (!before.Contains(last))
            {
                throw new TrainingException(
                    $"Message {index + 1} in line {line.Number} of '{line.Path}' has the role '{role}' "
                    + (last is null ? "at the beginning" : $"behind '{last}'")
                    + $"; expected it {string.Join(" or ", before.Select(one => one is null ? "at the beginning"
                        : $"behind '{one}'"))}. Put the messages in order.");
            }

            if (role == "assistant" && IsEmpty(message["content"])
                && message["tool_calls"] is not JsonArray { Count: > 0 })
            {
                throw new TrainingException(
                    $"Message {index + 1} in line {line.Number} of '{line.Path}' is the assistant's and says nothing. "
                    + "Give it 'content' or 'tool_calls', or leave the conversation out.");
            }

            last = role;
        }

        if (messages.All(message => (string?)message!["role"] != "assistant"))
        {
            throw new TrainingException(
                $"{line.Place} has no message of the assistant, so there is nothing to learn. Add one, or leave the "
                + "conversation out.");
        }
    }

    private static bool IsEmpty(JsonNode? content) => content switch
    {
        null => true,
        JsonArray parts => parts.Count == 0,
        JsonValue value when value.TryGetValue(out string? text) => text.Length == 0,
        _ => false,
    };
}
