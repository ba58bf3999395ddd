using System.Text.Json.Nodes;

namespace Slipway.Chat;

/// <summary>Finds out which conversations a chat template takes, by rendering one of each kind.</summary>
/// <param name="render">Renders a conversation; null where the template refuses it.</param>
/// <param name="newCall">Makes a call of an id, as the template takes it, whose argument is a text.</param>
/// <param name="traits">What is known of the template otherwise.</param>
internal sealed class ConversationProbe(
    Func<JsonArray, string?> render, Func<string, string, JsonObject> newCall, TemplateTraits traits)
{
    private const string Id = "abcDEF123", OtherId = "abcDEF124", LongId = "call_probe-0123456789abcdef";

    /// <summary>Finds the traits.</summary>
    public ConversationTraits Find() => new()
    {
        TakesDeveloper = Takes(("developer", "probe_a"), ("user", "probe_b")),
        TakesOtherRoles = Takes(("user", "probe_a"), ("probe_role", "probe_b"), ("user", "probe_c")),
        TakesSeveralSystems = Takes(
            ("system", "probe_a"), ("system", "probe_b"), ("user", "probe_c"), ("assistant", "probe_d"),
            ("system", "probe_e"), ("user", "probe_f")),
        TakesNeighbours = Takes(
            ("user", "probe_a"), ("user", "probe_b"), ("assistant", "probe_c"), ("assistant", "probe_d"),
            ("user", "probe_e")),
        TakesAnswerFirst = Takes(("assistant", "probe_a"), ("user", "probe_b")),
        TakesNoQuestion = Takes(("system", "probe_a")) && render([]) is not null,
        TakesEmptyAnswer = Takes(("user", "probe_a"), ("assistant", ""), ("user", "probe_b")),
        TakesSeveralCalls = !traits.RendersCalls || Takes(
            Message("user", "probe_a"), Calls("", newCall(Id, "probe_b"), newCall(OtherId, "probe_c")),
            Result(Id, "probe_d"), Result(OtherId, "probe_e")),
        TakesAnyId = !traits.RendersCalls || Takes(
            Message("user", "probe_a"), Calls("", newCall(LongId, "probe_b")), Result(LongId, "probe_c")),
        TakesStrayResults = traits.RendersResults
            && Takes(Message("user", "probe_a"), Result(Id, "probe_b"), Message("user", "probe_c")),
        TextBesideCalls = !traits.RendersCalls || TakesText([Calls("probe_b", newCall(Id, "probe_c"))])
            ? TextBesideCalls.Kept
            : TakesText([Message("assistant", "probe_b"), Calls("", newCall(Id, "probe_c"))])
            ? TextBesideCalls.Apart
            : TextBesideCalls.Written,
    };

    private bool TakesText(JsonObject[] answer) => Takes(
        [Message("user", "probe_a"), .. answer, Result(Id, "probe_d"), Message("assistant", "probe_e"),
            Message("user", "probe_f")]);

    private bool Takes(params (string Role, string Text)[] messages)
        => Takes([.. messages.Select(message => Message(message.Role, message.Text))]);

    // Made by its constructor: what a collection expression calls needs reflection.
    private bool Takes(params JsonObject[] messages)
    {
        var words = messages.SelectMany(Words).ToList();
        return render(new JsonArray([.. messages])) is { } prompt
            && words.TrueForAll(word => prompt.Contains(word, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Words(JsonNode? node) => node switch
    {
        JsonObject fields => fields.SelectMany(field => field.Key == "role" ? [] : Words(field.Value)),
        JsonArray items => items.SelectMany(Words),
        JsonValue value when value.TryGetValue<string>(out var text)
            => text.Split('"').Where(part => part.Length == 7 && part.StartsWith("probe_", StringComparison.Ordinal)),
        _ => [],
    };

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private JsonObject Calls(string content, params JsonObject[] calls)
    {
        var message = Message("assistant", content);
        message["content"] = content.Length > 0 ? content : TemplateMessages.Empty(traits.EmptyContent);
        message["tool_calls"] = new JsonArray([.. calls]);
        return message;
    }

    private JsonObject Result(string id, string text) => new()
    {
        ["role"] = "tool",
        ["content"] = traits.TakesResultsAsParts ? TemplateMessages.Part(text) : text,
        ["tool_call_id"] = id,
        ["name"] = "probe_function",
    };
}
