using System.Text.Json.Nodes;

namespace Slipway.Chat;

/// <summary>Brings a conversation into a form that a chat template renders whole.</summary>
/// <remarks>
/// Templates raise over what their model was not trained on, or leave it out without a word: a second system message,
/// a role that they do not know, the second of two calls. Nothing is changed where a template takes it.
/// </remarks>
/// <param name="traits">What the template takes.</param>
internal sealed class ConversationFitter(TemplateTraits traits)
{
    private const string System = "system", User = "user", Assistant = "assistant", Tool = "tool";
    private const string Developer = "developer", Calls = "tool_calls";

    private readonly ConversationTraits _takes = traits.Conversation;

    /// <summary>Fits messages, as templates read them.</summary>
    public JsonArray Fit(List<JsonObject> messages)
    {
        messages.ForEach(FitRole);
        if (!_takes.TakesEmptyAnswer)
        {
            messages.RemoveAll(
                message => Role(message) == Assistant && !message.ContainsKey(Calls) && Text(message).Length == 0);
        }

        var system = FitSystems(messages);
        messages = _takes.TakesSeveralCalls ? messages : [.. OneCallEach(messages)];
        if (!_takes.TakesStrayResults)
        {
            FitResults(messages);
        }

        if (!_takes.TakesAnswerFirst)
        {
            var first = messages.FindIndex(message => Role(message) != System);
            if (first >= 0 && Role(messages[first]) != User)
            {
                messages.Insert(first, Message(User, ""));
            }
        }

        if (!_takes.TakesNoQuestion && !messages.Exists(message => Role(message) == User))
        {
            messages.Add(Message(User, ""));
        }

        // Made by its constructor: what a collection expression calls needs reflection.
        var result = new JsonArray([.. _takes.TakesNeighbours ? messages : Joined(messages)]);
        if (system is not null)
        {
            FallbackTools.AddToSystem(result, system, rendersSystem: false);
        }

        return result;
    }

    // What a developer says is what a system says; others speak to the model as a user does.
    private void FitRole(JsonObject message)
    {
        var role = Role(message);
        if (role == Developer && !_takes.TakesDeveloper)
        {
            message["role"] = System;
        }
        else if (role is not (System or User or Assistant or Tool or Developer) && !_takes.TakesOtherRoles)
        {
            (message["role"], message["content"]) = (User, $"{role}: {Text(message)}");
        }
    }

    // The text of system messages where the template renders none.
    private string? FitSystems(List<JsonObject> messages)
    {
        if (traits.RendersSystem && _takes.TakesSeveralSystems)
        {
            return null;
        }

        var leading = messages.TakeWhile(message => Role(message) == System).ToList();
        foreach (var later in messages.Skip(leading.Count).Where(message => Role(message) == System))
        {
            later["role"] = User;
        }

        if (leading.Count == 0)
        {
            return null;
        }

        messages.RemoveRange(0, leading.Count);
        var text = string.Join("\n\n", leading.Select(Text).Where(text => text.Length > 0));
        if (traits.RendersSystem)
        {
            messages.Insert(0, Message(System, text));
            return null;
        }

        return text;
    }

    // Each call with its result before the next one.
    private IEnumerable<JsonObject> OneCallEach(List<JsonObject> messages)
    {
        for (var i = 0; i < messages.Count; i++)
        {
            var first = messages[i];
            if (first[Calls] is not JsonArray { Count: > 1 } calls)
            {
                yield return first;
                continue;
            }

            var results = messages.Skip(i + 1).TakeWhile(message => Role(message) == Tool).ToList();
            i += results.Count;
            first.Remove(Calls);
            for (var call = 0; call < calls.Count; call++)
            {
                var message = call == 0 ? first : new JsonObject
                {
                    ["role"] = Assistant, ["content"] = TemplateMessages.Empty(traits.EmptyContent),
                };
                message[Calls] = new JsonArray(calls[call]!.DeepClone());
                yield return message;

                // Results of none of the calls stand behind the last one's.
                var id = (string?)calls[call]!["id"];
                foreach (var result in results.Where(result =>
                    (string?)result["tool_call_id"] == id || (call == calls.Count - 1 && !IsOf(calls, result))))
                {
                    yield return result;
                }
            }
        }
    }

    private static bool IsOf(JsonArray calls, JsonObject result)
        => calls.Any(call => (string?)call!["id"] == (string?)result["tool_call_id"]);

    private static void FitResults(List<JsonObject> messages)
    {
        var hasCalls = false;
        foreach (var message in messages)
        {
            if (Role(message) != Tool)
            {
                hasCalls = message.ContainsKey(Calls);
            }
            else if (!hasCalls)
            {
                var text = message.ContainsKey("tool_call_id") ? FallbackTools.Result(Text(message)) : Text(message);
                message.Clear();
                (message["role"], message["content"]) = (User, text);
            }
        }
    }

    private static IEnumerable<JsonObject> Joined(List<JsonObject> messages)
    {
        JsonObject? last = null;
        foreach (var message in messages)
        {
            if (last is null || Role(message) != Role(last) || Role(message) == Tool || last.ContainsKey(Calls)
                || message.ContainsKey(Calls))
            {
                if (last is not null)
                {
                    yield return last;
                }

                last = message;
                continue;
            }

            var (first, second) = (Text(last), Text(message));
            last["content"] = first.Length == 0 ? second : second.Length == 0 ? first : $"{first}\n\n{second}";
            foreach (var (name, value) in message.Where(field => !last.ContainsKey(field.Key)).ToList())
            {
                last[name] = value?.DeepClone();
            }
        }

        if (last is not null)
        {
            yield return last;
        }
    }

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static string Role(JsonObject message) => (string)message["role"]!;

    private static string Text(JsonObject message) => message["content"] switch
    {
        JsonArray parts => string.Concat(parts.Select(part => (string?)part!["text"])),
        var text => (string?)text ?? "",
    };
}
