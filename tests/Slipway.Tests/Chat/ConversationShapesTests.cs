using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Testing;

namespace Slipway.Tests.Chat;

/// <summary>Puts conversations of every shape through every template: nothing that was said is lost.</summary>
public sealed class ConversationShapesTests(ITestOutputHelper output)
{
    // Its source sets members of messages, over which Jinja2 raises as soon as one is an answer or a result.
    private const string NoTemplate = "MiroThinker";

    private const string Id = "abcDEF123", OtherId = "abcDEF124";

    private static readonly Lazy<IReadOnlyList<(string Name, TemplateModel Model)>> Models = new(() =>
        [.. (SharedAssets.Available ? PublishedTemplates.All : []).Where(row => row.Name != NoTemplate)
            .Select(row => (row.Name, row.Source))
            .Concat(InventedTemplates.All.Select(row => (row.Name, row.Source)))
            .Select(row => (row.Name, new TemplateModel(row.Source)))]);

    private static readonly AIFunctionDeclaration Tool = Offers.Tool(
        "get_weather", """{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}""");

    private static readonly Dictionary<string, (ChatMessage[] Messages, ChatOptions? Options)> Shapes = new()
    {
        ["no messages"] = ([], null),
        ["instructions alone"] = ([], new() { Instructions = "W-a" }),
        ["a system message alone"] = ([Said("system", "W-a")], null),
        ["instructions before a system message"] = (
            [Said("system", "W-b"), Said("user", "W-c")], new() { Instructions = "W-a" }),
        ["instructions, a system message and tools"] = (
            [Said("system", "W-b"), Said("user", "W-c")], new() { Instructions = "W-a", Tools = [Tool] }),
        ["a system message later"] = (
            [Said("user", "W-a"), Said("assistant", "W-b"), Said("system", "W-c"), Said("user", "W-d")], null),
        ["a system message at the end"] = ([Said("user", "W-a"), Said("system", "W-b")], null),
        ["a developer's message"] = ([Said("developer", "W-a"), Said("user", "W-b")], null),
        ["a role of one's own"] = ([Said("user", "W-a"), Said("critic", "W-b"), Said("user", "W-c")], null),
        ["roles in capitals"] = (
            [Said("System", "W-a"), Said("USER", "W-b"), Said("Assistant", "W-c"), Said("User", "W-d")], null),
        ["an answer first"] = ([Said("assistant", "W-a"), Said("user", "W-b")], null),
        ["an answer last"] = ([Said("user", "W-a"), Said("assistant", "W-b")], null),
        ["two questions"] = ([Said("user", "W-a"), Said("user", "W-b")], null),
        ["two answers"] = (
            [Said("user", "W-a"), Said("assistant", "W-b"), Said("assistant", "W-c"), Said("user", "W-d")], null),
        ["an empty question"] = ([Said("user", ""), Said("user", "W-a")], null),
        ["an empty answer"] = ([Said("user", "W-a"), Said("assistant", ""), Said("user", "W-b")], null),
        ["thoughts alone"] = (
            [Said("user", "W-a"), new(ChatRole.Assistant, [new TextReasoningContent("t")]), Said("user", "W-b")],
            null),
        ["a call"] = ([Said("user", "W-a"), Calls(Call(Id, "W-b")), Results((Id, "W-c"))], new() { Tools = [Tool] }),
        ["a call after words"] = (
            [Said("user", "W-a"), Calls(new TextContent("W-b"), Call(Id, "W-c")), Results((Id, "W-d"))],
            new() { Tools = [Tool] }),
        ["a call after words, answered"] = (
            [Said("user", "W-a"), Calls(new TextContent("W-b"), Call(Id, "W-c")), Results((Id, "W-d")),
                Said("assistant", "W-e"), Said("user", "W-f")], new() { Tools = [Tool] }),
        ["a call of a request without tools"] = (
            [Said("user", "W-a"), Calls(Call(Id, "W-b")), Results((Id, "W-c")), Said("assistant", "W-d"),
                Said("user", "W-e")], null),
        ["a call without arguments"] = (
            [Said("user", "W-a"), Calls(new FunctionCallContent(Id, "get_weather")), Results((Id, "W-b"))],
            new() { Tools = [Tool] }),
        ["a call with an id of another service"] = (
            [Said("user", "W-a"), Calls(Call("call_0123456789-abcdefghij", "W-b")),
                Results(("call_0123456789-abcdefghij", "W-c"))], new() { Tools = [Tool] }),
        ["a call without a result"] = (
            [Said("user", "W-a"), Calls(Call(Id, "W-b")), Said("user", "W-c")], new() { Tools = [Tool] }),
        ["a result without a call"] = (
            [Said("user", "W-a"), Results((Id, "W-b")), Said("user", "W-c")], new() { Tools = [Tool] }),
        ["two calls"] = (
            [Said("user", "W-a"), Calls(Call(Id, "W-b"), Call(OtherId, "W-d")),
                Results((Id, "W-c"), (OtherId, "W-e"))],
            new() { Tools = [Tool] }),
        ["two calls, the later one's result first"] = (
            [Said("user", "W-a"), Calls(Call(Id, "W-b"), Call(OtherId, "W-d")),
                Results((OtherId, "W-e")), Results((Id, "W-c"))], new() { Tools = [Tool] }),
        ["two calls, one result missing"] = (
            [Said("user", "W-a"), Calls(Call(Id, "W-b"), Call(OtherId, "W-d")), Results((OtherId, "W-e")),
                Said("user", "W-f")], new() { Tools = [Tool] }),
        ["a tool of nullable, optional and nested parameters"] = (
            [Said("user", "W-a")], new() { Tools = [AIFunctionFactory.Create(GetWeather, "get_weather")] }),
        ["two messages of calls"] = (
            [Said("user", "W-a"), Calls(Call(Id, "W-b")), Calls(Call(OtherId, "W-c")),
                Results((OtherId, "W-e"), (Id, "W-d"))], new() { Tools = [Tool] }),
        ["a call, its result and words in one message"] = (
            [Said("user", "W-a"),
                Calls(Call(Id, "W-b"), new FunctionResultContent(Id, "W-c"), new TextContent("W-d")),
                Said("user", "W-e")], new() { Tools = [Tool] }),
        ["a result with an image"] = (
            [Said("user", "W-a"), Calls(Call(Id, "W-b")), new(ChatRole.Tool, [new FunctionResultContent(
                Id, new AIContent[] { new TextContent("W-c"), new DataContent(new byte[9], "image/W-d") })])],
            new() { Tools = [Tool] }),
    };

    public static TheoryData<string> Names { get; } = [.. Shapes.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Conversation_OfEveryTemplate_LosesNothing(string name)
    {
        var (messages, options) = Shapes[name];
        var words = messages.SelectMany(Words).Concat(options?.Instructions is { } text ? [text] : [])
            .Concat(options?.Tools is null ? [] : ["get_weather"]).ToList();
        foreach (var (template, model) in Models.Value)
        {
            var prompt = model.Describe(ChatPromptBuilder.Build(
                model, messages, options, new(), "model", TimeProvider.System, default).Request.PromptIds).Text;
            Assert.All(words, word => Assert.True(
                prompt.Contains(word, StringComparison.Ordinal), $"{template} lost '{word}': {prompt}"));

            // Each result behind its own call and before the next one's.
            if (name.StartsWith("two calls, the", StringComparison.Ordinal))
            {
                Assert.True(At(prompt, "W-c") < At(prompt, "W-e"), $"{template}: {prompt}");
            }
        }

        output.WriteLine($"{name}: {Models.Value.Count} templates, {words.Count} texts each");
    }

    [Fact]
    public void Conversation_ThatATemplateTakes_IsLeftAlone()
    {
        var model = new TemplateModel(
            "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>"
            + "{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}</tool_call>"
            + "{% endfor %}{% endfor %}");

        var prompt = ChatPromptBuilder.Build(
            model, [.. Shapes["a system message later"].Messages, .. Shapes["two calls"].Messages,
                .. Shapes["a role of one's own"].Messages, .. Shapes["two answers"].Messages],
            null, new(), "model", TimeProvider.System, default).Request.PromptIds;

        Assert.Equal(
            "<|user|>W-a<|assistant|>W-b<|system|>W-c<|user|>W-d<|user|>W-a<|assistant|>"
            + "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"W-b\"}}</tool_call>"
            + "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"W-d\"}}</tool_call>"
            + "<|tool|>W-c<|tool|>W-e<|user|>W-a<|critic|>W-b<|user|>W-c<|user|>W-a<|assistant|>W-b<|assistant|>W-c"
            + "<|user|>W-d",
            model.Describe(prompt).Text);
    }

    [Fact]
    public void Calls_ThatATemplateTakesOneByOne_EachHaveTheirResult()
    {
        var model = new TemplateModel(
            "{{ tools }}{% for m in messages %}<|{{ m.role }}|>{% if m.tool_calls %}{% if m.tool_calls | length > 1 %}"
            + "{{ raise_exception('one call') }}{% endif %}<tool_call>{\"name\": "
            + "\"{{ m.tool_calls[0].function.name }}\", \"arguments\": "
            + "{{ m.tool_calls[0].function.arguments | tojson }}}</tool_call>"
            + "{% else %}{{ m.content }}{% endif %}{% endfor %}");

        var prompt = model.Describe(ChatPromptBuilder.Build(
            model, [Said("user", "W-a"), Calls(new TextContent("W-b"), Call(Id, "W-c"), Call(OtherId, "W-d")),
                Results((OtherId, "W-f"), (Id, "W-e"))],
            null, new(), "model", TimeProvider.System, default).Request.PromptIds).Text;

        Assert.EndsWith(
            "<|user|>W-a<|assistant|>W-b"
            + "<|assistant|><tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"W-c\"}}</tool_call>"
            + "<|tool|>W-e"
            + "<|assistant|><tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"W-d\"}}</tool_call>"
            + "<|tool|>W-f", prompt, StringComparison.Ordinal);
    }

    private static string GetWeather(
        int? days, DayOfWeek? day, string[] more, Dictionary<string, int?> limits, object? other, Point? at = null)
        => $"{days}{day}{more}{limits}{other}{at}";

    private static int At(string prompt, string word) => prompt.LastIndexOf(word, StringComparison.Ordinal);

    private static IEnumerable<string> Words(ChatMessage message)
        => message.Contents.SelectMany(content => content switch
        {
            TextContent text => [text.Text],
            FunctionCallContent call => call.Arguments?.Values.Select(value => (string)value!) ?? [],
            FunctionResultContent { Result: string text } => [text],
            FunctionResultContent => ["W-c", "image/W-d"],
            _ => (IEnumerable<string>)[],
        });

    private static ChatMessage Said(string role, string text) => new(new ChatRole(role), text);

    private static ChatMessage Calls(params AIContent[] contents) => new(ChatRole.Assistant, [.. contents]);

    private static ChatMessage Results(params (string Id, string Text)[] results)
        => new(ChatRole.Tool, [.. results.Select(result => new FunctionResultContent(result.Id, result.Text))]);

    private static FunctionCallContent Call(string id, string city)
        => new(id, "get_weather", new Dictionary<string, object?> { ["city"] = city });

    private sealed record Point(double X, double? Y, Point[]? Others);
}
