using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Tokenization;

namespace Slipway.Chat;

/// <summary>Finds out what a chat template does by rendering short conversations with it.</summary>
/// <remarks>
/// The format of tool calls is the one that reads back the call which the template itself has written. Only where a
/// template writes none do the words count with which its prompt describes tools, and then the tokenizer's special
/// tokens. Names of models count never.
/// </remarks>
/// <param name="template">The template.</param>
/// <param name="specialTokens">Gives the template the tokenizer's special tokens as variables.</param>
/// <param name="isSpecial">Tells whether a text is one special token of the tokenizer.</param>
/// <param name="formats">The formats, those of the caller first.</param>
internal sealed class TemplateProbe(
    ChatTemplate template,
    Action<JsonObject> specialTokens,
    Func<string, bool> isSpecial,
    IReadOnlyList<ToolCallFormat> formats)
{
    private const string Function = "probe_function", Key = "probe_key", Value = "probe_value";
    private const string User = "probe_question", Result = "probe_result", SystemText = "probe_system";
    private const string Id = "abcDEF123";

    // What AIFunctionFactory makes of nullable, optional, nested and untyped parameters.
    private const string AnySchema = """
        {"type": "object", "required": ["a"], "properties": {
            "a": {"type": "string"}, "b": {"type": ["integer", "null"], "default": null}, "c": {"enum": ["x", null]},
            "d": {"type": "array", "items": {"type": ["object", "null"], "properties": {"e": {"type": "number"} } } },
            "f": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "g": {}, "h": true, "i": {"type": "array"},
            "j": {"type": "object", "additionalProperties": {"type": ["string", "null"]} } } }
        """;

    private static readonly string[] ReasoningMembers = ["reasoning_content", "reasoning", "thinking", "thought"];

    private static readonly AIFunctionDeclaration Declaration = AIFunctionFactory.CreateDeclaration(
        Function, "d", JsonDocument.Parse(
            $$"""
            {"type":"object","required":["{{Key}}"],"properties":{"{{Key}}":{"type":"string","description":"d"} } }
            """).RootElement);

    private static readonly JsonArray Tools = TemplateTools.From(new() { Tools = [Declaration] })!;

    /// <summary>Finds the traits.</summary>
    public TemplateTraits Find()
    {
        var place = ToolPlace.All.FirstOrDefault(place =>
            Render(new(Message("user", User)), place)?.Contains(Function, StringComparison.Ordinal) == true)
            ?? Named();
        var traits = new TemplateTraits
        {
            Tools = place,
            Reasoning = ReasoningFormats.For(template.Source),
            ReasoningMember = ReasoningMembers.FirstOrDefault(IsRead) ?? ReasoningMembers[0],
            RendersSystem = Render(new(Message("system", SystemText), Message("user", User)), place)
                ?.Contains(SystemText, StringComparison.Ordinal) == true,
        };
        traits = FindWritten(traits, place) ?? traits with { Calls = FindDescribed(place) };
        var parts = TemplateMessages.Part(Result);
        traits = RendersResult(traits, place, Result) ? traits with { RendersResults = true }
            : RendersResult(traits, place, parts) ? traits with { RendersResults = true, TakesResultsAsParts = true }
            : traits;
        return traits with
        {
            TakesNoTools = place is null || Render(new(Message("user", User)), null) is not null,
            TakesAnySchema = place is null
                || Render(new(Message("user", User)), place with { Put = PutAnySchema }) is not null,
            Conversation = new ConversationProbe(
                messages => Render(messages, place), (id, text) => Call(id, text, traits.TakesArgumentsAsText), traits)
                .Find(),
        };

        void PutAnySchema(JsonObject variables, JsonArray tools)
        {
            var any = (JsonArray)tools.DeepClone();
            any[0]!["function"]!["parameters"] = JsonNode.Parse(AnySchema);
            place!.Put(variables, any);
        }
    }

    private bool RendersResult(TemplateTraits traits, ToolPlace? place, JsonNode result)
        => Contents().Any(content => Render(
            traits.RendersCalls
                ? Conversation(content, traits.TakesArgumentsAsText, result)
                : new(Message("user", User), Message("assistant", "probe_text"), ToolResult(result)),
            place)?.Contains(Result, StringComparison.Ordinal) == true);

    private bool IsRead(string member) => new[] { $".{member}", $"'{member}'", $"\"{member}\"" }.Any(
        access => template.Source.Contains(access, StringComparison.Ordinal));

    // The format that reads back what the template writes of a call.
    private TemplateTraits? FindWritten(TemplateTraits traits, ToolPlace? place)
    {
        var start = AnswerStart(place);
        foreach (var isText in (bool[])[false, true])
        {
            foreach (var content in Contents())
            {
                if (Render(Conversation(content, isText, Result), place) is { } prompt
                    && formats.FirstOrDefault(format => ReadsBack(format, Answer(prompt), start)) is { } format)
                {
                    return traits with
                    {
                        Calls = format,
                        RendersCalls = true,
                        TakesArgumentsAsText = isText,
                        EmptyContent = content is null ? EmptyContent.Null
                            : content is JsonArray ? EmptyContent.Part : EmptyContent.Text,
                    };
                }
            }
        }

        return null;
    }

    // A template that names tools may show them only in other conversations than the probe's.
    private ToolPlace? Named()
        => template.Source.Contains(ToolPlace.All[0].Name, StringComparison.Ordinal)
            && Render(new(Message("user", User)), ToolPlace.All[0]) is not null ? ToolPlace.All[0] : null;

    private ToolCallFormat? FindDescribed(ToolPlace? place)
    {
        var prompt = Render(new(Message("user", User)), place) ?? template.Source;
        return formats.FirstOrDefault(format => format.IsIn(prompt))
            ?? formats.FirstOrDefault(format => Tags(format) is { Count: > 0 } tags && tags.All(isSpecial))
            ?? formats.FirstOrDefault(format => format.IsIn(template.Source)); // which refuses all of these chats
    }

    // Made by its constructor: what a collection expression calls needs reflection.
    private static JsonArray Conversation(JsonNode? content, bool isText, JsonNode result)
    {
        var answer = Message("assistant", "");
        answer["content"] = content?.DeepClone();
        answer["tool_calls"] = new JsonArray(Call(Id, Value, isText));
        return new(Message("user", User), answer, ToolResult(result));
    }

    private static JsonObject Call(string id, string value, bool isText)
    {
        var arguments = new JsonObject { [Key] = value };
        return new()
        {
            ["id"] = id,
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = Function,
                ["arguments"] = isText ? PythonArguments(arguments) : arguments,
            },
        };
    }

    private static JsonObject ToolResult(JsonNode content) => new()
    {
        ["role"] = "tool", ["content"] = content.DeepClone(), ["tool_call_id"] = Id, ["name"] = Function,
    };

    private string? Render(JsonArray messages, ToolPlace? place)
    {
        var variables = new JsonObject { ["messages"] = messages, ["add_generation_prompt"] = false };
        specialTokens(variables);
        place?.Put(variables, Tools);
        try
        {
            return template.Render(variables);
        }
        catch (ChatTemplateException)
        {
            return null; // the template takes no such conversation
        }
    }

    // The text that a template writes before any answer; empty where it refuses one.
    private string AnswerStart(ToolPlace? place)
    {
        const string words = "probe_words";
        var prompt = Render(
            new(Message("user", User), Message("assistant", words), Message("user", Result)), place);
        var answer = prompt is null ? "" : Answer(prompt);
        return answer[..Math.Max(0, answer.IndexOf(words, StringComparison.Ordinal))].TrimEnd();
    }

    // A call that can only begin an answer is one directly behind its start: behind a tag it is that tag's.
    private static bool ReadsBack(ToolCallFormat format, string answer, string start)
    {
        if (format.OnlyAtStart)
        {
            answer = answer.StartsWith(start, StringComparison.Ordinal) ? answer[start.Length..].TrimStart() : "";
        }

        if ((format.OnlyAtStart && !answer.StartsWith(format.GuidedOpen, StringComparison.Ordinal))
            || !format.IsForm(answer))
        {
            return false;
        }

        var parser = new ChatResponseParser(null, format, _ => Id, functions: [Declaration]);
        List<AIContent> contents = [];
        parser.Append(answer, contents);
        parser.Complete(contents);
        return contents.OfType<FunctionCallContent>().ToList() is [{ Exception: null, Name: Function } call]
            && call.Arguments is { Count: 1 } arguments
            && arguments.TryGetValue(Key, out var value) && value?.ToString() == Value;
    }

    private static string Answer(string prompt)
    {
        var start = prompt.LastIndexOf(User, StringComparison.Ordinal);
        start = start < 0 ? 0 : start + User.Length;
        var end = prompt.IndexOf(Result, start, StringComparison.Ordinal);
        return end < 0 ? prompt[start..] : prompt[start..end];
    }

    private static IReadOnlyList<string> Tags(ToolCallFormat format)
        => format.OpenBelongsToBody ? [] : SpecialTokens.In([format.Open, format.Close ?? format.Open]);

    private static JsonNode?[] Contents() => ["", null, TemplateMessages.Part(""), "probe_text"];

    private static string PythonArguments(JsonObject arguments)
        => new ToolCall(Function, arguments.ToDictionary(pair => pair.Key, pair => (object?)(string?)pair.Value))
            .WriteArguments();

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
}
