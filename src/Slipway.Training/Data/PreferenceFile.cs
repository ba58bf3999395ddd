using System.Text.Json.Nodes;
using Slipway.Training.Running;

namespace Slipway.Training.Data;

/// <summary>Holds one prompt with an answer that is preferred to another.</summary>
/// <param name="Prompt">The messages before the answers.</param>
/// <param name="Chosen">The messages of the preferred answer.</param>
/// <param name="Rejected">The messages of the other answer.</param>
/// <param name="Tools">The tools offered; null where there are none.</param>
internal sealed record Preference(JsonArray Prompt, JsonArray Chosen, JsonArray Rejected, JsonArray? Tools);

/// <summary>Reads preferences from JSON Lines files, in the shapes that data sets have.</summary>
/// <remarks>
/// <c>{"prompt": […], "chosen": […], "rejected": […], "tools": […]}</c> a line; without <c>prompt</c> both answers are
/// whole conversations that begin alike.
/// </remarks>
internal static class PreferenceFile
{
    public static IEnumerable<Preference> Read(string path)
    {
        foreach (var line in JsonLines.Read(path, "preferences"))
        {
            var chosen = Messages(line, "chosen");
            var rejected = Messages(line, "rejected");
            var prompt = line.Json["prompt"] is null ? Shared(line, chosen, rejected) : Messages(line, "prompt");
            RoleOrder.Check(line, [.. prompt.Concat(chosen)]);
            RoleOrder.Check(line, [.. prompt.Concat(rejected)]);
            yield return new Preference(prompt, chosen, rejected, line.Tools());
        }
    }

    /// <summary>Writes a preference as a line of such a file.</summary>
    public static string Line(Preference pair)
    {
        var json = new JsonObject
        {
            ["prompt"] = pair.Prompt.DeepClone(),
            ["chosen"] = pair.Chosen.DeepClone(),
            ["rejected"] = pair.Rejected.DeepClone(),
        };
        if (pair.Tools is { } tools)
        {
            json["tools"] = tools.DeepClone();
        }

        return json.ToJsonString();
    }

    private static JsonArray Messages(JsonLine line, string key) => line.Messages(key) ?? throw new TrainingException(
        $"{line.Place} holds no list '{key}' of objects with a 'role'. Write each preference as "
        + "{\"prompt\": [{\"role\": \"user\", …}], \"chosen\": [{\"role\": \"assistant\", …}], \"rejected\": […]} on a "
        + "line of its own.");

    // Takes the messages that both begin with off both.
    private static JsonArray Shared(JsonLine line, JsonArray chosen, JsonArray rejected)
    {
        var count = chosen.Zip(rejected).TakeWhile(pair => JsonNode.DeepEquals(pair.First, pair.Second)).Count();
        if (count == chosen.Count || count == rejected.Count)
        {
            throw new TrainingException(
                $"{line.Place} has a preferred and a rejected conversation of which one begins with all of the other. "
                + "Give two answers that differ.");
        }

        var prompt = new JsonArray([.. chosen.Take(count).Select(message => message!.DeepClone())]);
        for (var index = 0; index < count; index++)
        {
            chosen.RemoveAt(0);
            rejected.RemoveAt(0);
        }

        return prompt;
    }
}
