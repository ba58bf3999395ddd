using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Tests.Chat;

/// <summary>
/// Chat requests with something impossible in each part: told by documented exceptions, in few words.
/// </summary>
public sealed class HostileChatRequestTests(ITestOutputHelper output)
{
    private const int MaxMessage = 2_000;

    private static readonly string Long = new('x', 1_700_000);

    private static readonly Dictionary<string, Func<(IList<ChatMessage> Messages, ChatOptions Options)>> Refused =
        new(StringComparer.Ordinal)
        {
            ["null message"] = () => ([User("a"), null!], new()),
            ["null content"] = () => ([new(ChatRole.User, [new TextContent("a"), null!])], new()),
            ["no role"] = () => ([new() { Role = default, Contents = [new TextContent("a")] }], new()),
            ["null tool"] = () => ([User("a")], new() { Tools = [null!] }),
            ["tool without a name"] = () => ([User("a")], new() { Tools = [new Tool("", "{}")] }),
            ["tool of a service"] = () => ([User("a")], new() { Tools = [new HostedWebSearchTool()] }),
            ["deep tool schema"] = () =>
                ([User("a")], new() { Tools = [new Tool("f", Nest(65, """{"items":""", "true", "}"))] }),
            ["very deep tool schema"] = () =>
                ([User("a")], new() { Tools = [new Tool("f", Nest(20_000, """{"items":""", "true", "}"))] }),
            ["required tool that is not there"] = () => ([User("a")], new()
            {
                Tools = [.. Enumerable.Range(0, 5_000).Select(i => new Tool($"tool{i}", "{}"))],
                ToolMode = ChatToolMode.RequireSpecific(Long),
            }),
            ["required tool without tools"] = () => ([User("a")], new() { ToolMode = ChatToolMode.RequireAny }),
            ["cyclic result"] = () => ([Result(Cycle())], new()),
            ["deep result"] = () => ([Result(NestedList(2_000))], new()),
            ["infinite result"] = () => ([Result(double.PositiveInfinity)], new()),
            ["result that throws"] = () => ([Result(new Throwing())], new()),
            ["result of a type"] = () => ([Result(typeof(string))], new()),
            ["deep node as a result"] = () => ([Result(NestedNode(50_000))], new()),
            ["cyclic argument"] = () => ([Call(Cycle())], new()),
            ["deep node as an argument"] = () => ([Call(NestedNode(50_000))], new()),
            ["deep element as an argument"] = () => ([Call(Element(Nest(20_000, "[", "", "]")))], new()),
            ["NaN argument"] = () => ([Call(double.NaN)], new()),
            ["image"] = () => ([new(ChatRole.User, [new DataContent(new byte[3], "image/png")])], new()),
            ["a text elsewhere, by a long name"] = () => ([new(
                ChatRole.User, [new UriContent(new Uri("https://example.com/" + Long[..60_000]), "text/plain")])],
                new()),
            ["long role of an image"] = () =>
                ([new(new ChatRole(Long), [new DataContent(new byte[3], "image/png")])], new()),
            ["null stop sequence"] = () => ([User("a")], new() { StopSequences = [null!] }),
            ["empty stop sequence"] = () => ([User("a")], new() { StopSequences = [""] }),
            ["temperature NaN"] = () => ([User("a")], new() { Temperature = float.NaN }),
            ["temperature infinite"] = () => ([User("a")], new() { Temperature = float.PositiveInfinity }),
            ["top-k below"] = () => ([User("a")], new() { TopK = int.MinValue }),
            ["top-p NaN"] = () => ([User("a")], new() { TopP = float.NaN }),
            ["presence infinite"] = () => ([User("a")], new() { PresencePenalty = float.NegativeInfinity }),
            ["frequency NaN"] = () => ([User("a")], new() { FrequencyPenalty = float.NaN }),
            ["max tokens 0"] = () => ([User("a")], new() { MaxOutputTokens = 0 }),
            ["min-p infinite"] = () => ([User("a")], Extra("min_p", double.PositiveInfinity)),
            ["min-p beyond doubles"] = () => ([User("a")], Extra("min_p", Element("1e999"))),
            ["typical-p NaN"] = () => ([User("a")], Extra("typical_p", double.NaN)),
            ["repetition 0"] = () => ([User("a")], Extra("repetition_penalty", 0)),
            ["repetition of a long text"] = () => ([User("a")], Extra("repetition_penalty", Long)),
            ["n-gram beyond integers"] = () => ([User("a")], Extra("no_repeat_ngram_size", long.MaxValue)),
            ["draft tokens"] = () => ([User("a")], Extra("prompt_lookup_num_tokens", int.MaxValue)),
            ["adapter of a type"] = () => ([User("a")], Extra("adapter", new object())),
            ["guided_choice with a null"] = () => ([User("a")], Extra("guided_choice", new[] { "a", null })),
            ["guided_json, deep"] = () =>
                ([User("a")], Extra("guided_json", Element(Nest(20_000, """{"items":""", "true", "}")))),
            ["guided_json, a deep node"] = () => ([User("a")], Extra("guided_json", NestedNode(50_000))),
            ["guided_json, undefined"] = () => ([User("a")], Extra("guided_json", default(JsonElement))),
            ["guided_regex, long"] = () => ([User("a")], Extra("guided_regex", Long)),
            ["guided_grammar, long"] = () => ([User("a")], Extra("guided_grammar", Long)),
            ["template variables, deep"] = () =>
                ([User("a")], Extra("chat_template_kwargs", new JsonObject { ["a"] = NestedNode(50_000) })),
            ["template variables, a deep element"] = () =>
                ([User("a")], Extra("chat_template_kwargs", Element(Nest(20_000, """{"a":""", "1", "}")))),
            ["template variables of a text"] = () => ([User("a")], Extra("chat_template_kwargs", Long)),
            ["null processor"] = () => ([User("a")], Raw(new() { LogitsProcessors = [null!] })),
            ["null stop sequence of its own"] = () => ([User("a")], Raw(new() { StopSequences = [null!] })),
            ["undefined schema"] = () =>
                ([User("a")], new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(default(JsonElement)) }),
            ["conversation"] = () => ([User("a")], new() { ConversationId = Long }),
            ["model"] = () => ([User("a")], new() { ModelId = Long }),
        };

    public static TheoryData<string> RefusedNames => [.. Refused.Keys];

    [Theory]
    [MemberData(nameof(RefusedNames))]
    public void GetResponse_Hostile_IsRefusedOnASmallStack(string name)
    {
        var error = SmallStack.Run(() =>
        {
            using var model = ScriptedModel.Answering("x");
            using var client = model.ToClient();
            var (messages, options) = Refused[name]();
            client.GetResponseAsync(messages, options).GetAwaiter().GetResult();
        });
        Assert.NotNull(error);
        output.WriteLine($"{error.GetType().Name}: {error.Message}");
        Assert.True(error is ArgumentException or NotSupportedException, error.ToString());
        Assert.InRange(error.Message.Length, 20, MaxMessage);
    }

    [Theory]
    [InlineData("null message", "Message 1 is null. Leave it out. (Parameter 'messages')")]
    [InlineData("null content", "Content 1 of message 0 (role 'user') is null. Leave it out. (Parameter 'messages')")]
    [InlineData("no role", "Message 0 has no role; expected one such as 'user' or 'assistant'. (Parameter 'messages')")]
    [InlineData("null tool", "Entry 0 of ChatOptions.Tools is null. Leave it out. (Parameter 'options')")]
    [InlineData("tool without a name",
        "Entry 0 of ChatOptions.Tools has no name, so no model can call it. Give it one. (Parameter 'options')")]
    [InlineData("deep tool schema",
    "The schema of the tool 'f' in ChatOptions.Tools is 65 levels deep; at most 64 are supported. "
        + "Flatten the function's parameters.")]
    [InlineData("deep node as a result",
    "The result of the call 'id' is JSON of 50000 levels; expected at most 64. Flatten it.")]
    [InlineData("deep node as an argument",
    "The argument 'a' of the call 'id' of 'f' is JSON of 50000 levels; expected at most 64. Flatten it.")]
    [InlineData("null processor", "'LogitsProcessors' holds a null; expected processors. (Parameter 'options')")]
    [InlineData("undefined schema",
        "ChatOptions.ResponseFormat holds an undefined JsonElement as its schema; expected a schema. (Parameter "
        + "'options')")]
    public void GetResponse_Hostile_SaysWhatIsWrong(string name, string message)
    {
        using var model = ScriptedModel.Answering("x");
        using var client = model.ToClient();
        var (messages, options) = Refused[name]();
        Assert.Equal(
            message,
            SmallStack.Run(() => client.GetResponseAsync(messages, options).GetAwaiter().GetResult())?.Message);
    }

    [Fact]
    public void GetResponse_CyclicResult_SaysWhoseItIs()
    {
        using var model = ScriptedModel.Answering("x");
        using var client = model.ToClient();
        var error = SmallStack.Run(() => client.GetResponseAsync([Result(Cycle())]).GetAwaiter().GetResult());
        Assert.StartsWith(
            "The result of the call 'id' is of type 'System.Collections.Generic.List`1[System.Object]' and cannot be "
            + "written as JSON: ",
            error?.Message);
        Assert.EndsWith(
            " Give a value that System.Text.Json writes in at most 64 levels, or a string.", error?.Message);
        Assert.IsType<JsonException>(error?.InnerException);
    }

    [Fact]
    public async Task GetResponse_LargestCounts_AreTaken()
    {
        using var model = ScriptedModel.Answering("x");
        using var client = model.ToClient();
        var options = new ChatOptions
        {
            TopK = int.MaxValue, MaxOutputTokens = int.MaxValue, Seed = long.MinValue, Temperature = 1,
        };
        Assert.Equal("x", (await client.GetResponseAsync("Hi", options, TestContext.Current.CancellationToken)).Text);
        Assert.Equal(int.MaxValue, model.Requests[0].Sampling.TopK);
    }

    private static ChatMessage User(string text) => new(ChatRole.User, text);

    private static ChatMessage Result(object? result) => new(ChatRole.Tool, [new FunctionResultContent("id", result)]);

    private static ChatMessage Call(object? argument)
        => new(ChatRole.Assistant,
        [new FunctionCallContent("id", "f", new Dictionary<string, object?> { ["a"] = argument })]);

    private static ChatOptions Extra(string key, object? value) => new()
    {
        AdditionalProperties = new() { [key] = value },
    };

    private static ChatOptions Raw(OnnxChatRequestOptions options) => new() { RawRepresentationFactory = _ => options };

    private static JsonElement Element(string json)
        => JsonDocument.Parse(json, new() { MaxDepth = int.MaxValue }).RootElement;

    private static List<object> Cycle()
    {
        var list = new List<object>();
        list.Add(list);
        return list;
    }

    private static object NestedList(int depth)
    {
        object inner = 1;
        for (var i = 0; i < depth; i++)
        {
            inner = new List<object> { inner };
        }

        return inner;
    }

    private static JsonArray NestedNode(int depth)
    {
        var inner = new JsonArray();
        for (var i = 1; i < depth; i++)
        {
            inner = [inner];
        }

        return inner;
    }

    private static string Nest(int count, string open, string inner, string close)
        => new StringBuilder().Insert(0, open, count).Append(inner)
        .Insert((open.Length * count) + inner.Length, close, count).ToString();

    private sealed class Throwing
    {
        public string Text => Throw(this);

        private static string Throw(Throwing _) => throw new InvalidTimeZoneException(Long);
    }

    private sealed class Tool(string name, string schema) : AIFunctionDeclaration
    {
        public override string Name => name;

        public override JsonElement JsonSchema => Element(schema);
    }
}
