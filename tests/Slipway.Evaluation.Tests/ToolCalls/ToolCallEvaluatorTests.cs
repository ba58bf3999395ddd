using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Evaluation.ToolCalls;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.ToolCalls;

public sealed class ToolCallEvaluatorTests
{
    private const string Tools = """
        [{"type": "function", "function": {"name": "set_light", "description": "Sets a light.", "parameters":
          {"type": "object", "properties": {"room": {"type": "string"}, "level": {"type": "integer"}}, "required": ["room"]}}}]
        """;

    private static ToolCallCase CallCase => Case("call", """
        [{"role": "system", "content": "Be brief."},
         {"role": "user", "content": "hall light on"},
         {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function":
           {"name": "set_light", "arguments": {"room": "hall"}}}]},
         {"role": "tool", "name": "set_light", "content": "ok"},
         {"role": "assistant", "content": "Done."},
         {"role": "user", "content": "dim the kitchen to 30"},
         {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function":
           {"name": "set_light", "arguments": {"room": "kitchen", "level": 30}}}]}]
        """);

    private static ToolCallCase RefusalCase => Case("refusal", """
        [{"role": "user", "content": "lock the door"}, {"role": "assistant", "content": "Sorry, I cannot."}]
        """);

    [Fact]
    public void FromConversation_ToolTurns_BecomeCallsAndResults()
    {
        var messages = CallCase.Messages;
        Assert.Equal(
            ["system", "user", "assistant", "tool", "assistant", "user"], messages.Select(one => one.Role.Value));
        var call = Assert.IsType<FunctionCallContent>(Assert.Single(messages[2].Contents));
        var result = Assert.IsType<FunctionResultContent>(Assert.Single(messages[3].Contents));
        Assert.Equal(call.CallId, result.CallId);
        Assert.Equal("hall", Assert.IsType<JsonElement>(call.Arguments!["room"]).GetString());
        var tool = Assert.IsAssignableFrom<AIFunctionDeclaration>(Assert.Single(CallCase.Tools));
        Assert.Equal(
            "integer", tool.JsonSchema.GetProperty("properties").GetProperty("level").GetProperty("type").GetString());
    }

    [Fact]
    public void FromConversation_NoAnswer_SaysWhatIsMissing()
    {
        var error = Assert.Throws<ArgumentException>(
            () => ToolCallCase.FromConversation("call", [new JsonObject()], null));
        Assert.StartsWith(
            "The conversation has 1 messages; expected at least a request and its answer.", error.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("set_light", """{"room": "kitchen", "level": 30}""", true)]
    [InlineData("set_light", """{"level": 30.0, "room": "kitchen"}""", true)]
    [InlineData("set_light", """{"room": "kitchen", "level": "30"}""", false)]
    [InlineData("set_light", """{"room": "kitchen"}""", false)]
    [InlineData("set_light", """{"room": "kitchen", "level": 30, "on": true}""", false)]
    [InlineData("set_light", """{"room": "Kitchen", "level": 30}""", false)]
    [InlineData("light", """{"room": "kitchen", "level": 30}""", false)]
    public async Task Evaluate_Call_IsRightOnlyWhenExact(string name, string arguments, bool right)
    {
        var report = await Evaluate(CallCase, Call(name, arguments));
        Assert.Equal((1, right ? 1 : 0), (report.CallCases, report.ExactCalls));
        Assert.Equal(right ? 1.0 : 0.0, report.ExactRate);
        Assert.Equal(name == "set_light" ? 0 : 1, report.CallsNotOffered);
        Assert.Equal(name == "set_light" ? 1 : 0, report.RightNames);
        Assert.Equal(right ? 0 : 1, report.Failures.Count);
    }

    [Fact]
    public async Task Evaluate_CallInsteadOfRefusal_IsWrong()
    {
        var report = await Evaluate(RefusalCase, Call("lock_door", "{}"));
        Assert.Equal((0, 1, 0, 1), (report.CallCases, report.TextCases, report.RightTextCases, report.CallsNotOffered));
        Assert.Equal(new ToolCallKindScore("refusal", 1, 0), Assert.Single(report.Kinds));
    }

    [Theory]
    [InlineData("Sorry, I cannot.", 1)]
    [InlineData("No.", 0)]
    public async Task Evaluate_TextInsteadOfCall_CountsExactTextApart(string text, int exact)
    {
        var report = await Evaluate(RefusalCase, new TextContent(text));
        Assert.Equal((1, exact), (report.RightTextCases, report.ExactTexts));
    }

    [Fact]
    public async Task Evaluate_MalformedCall_IsCountedAndWrong()
    {
        var call = Call("set_light", """{"room": "kitchen", "level": 30}""");
        call.Exception = new JsonException("cut");
        var report = await Evaluate(CallCase, call);
        Assert.Equal((1, 0), (report.MalformedCalls, report.ExactCalls));
    }

    [Fact]
    public async Task Evaluate_ManyCases_KeepsTheirOrderAndReportsProgress()
    {
        var seen = new List<ToolCallProgress>();
        using var client = new FixedClient(new TextContent("x"));
        var report = await new ToolCallEvaluator(client, new() { Concurrency = 3 }).EvaluateAsync(
            [CallCase, RefusalCase, CallCase, RefusalCase], new Recorder(seen), TestContext.Current.CancellationToken);
        Assert.Equal(["call", "call"], report.Failures.Select(failure => failure.Case.Kind));
        Assert.Equal([1, 2, 3, 4], seen.Select(one => one.Done).Order());
        Assert.Equal(
            [("call", 2, 0), ("refusal", 2, 2)], report.Kinds.Select(kind => (kind.Kind, kind.Cases, kind.Right)));
        Assert.All(client.Options, options => Assert.Equal((0f, 200), (options.Temperature, options.MaxOutputTokens)));
    }

    [Fact]
    public async Task Evaluate_RunThatWasEnded_GoesOnWhereItWas()
    {
        using TemporaryFolder folder = new();
        ToolCallEvaluatorOptions options = new() { Concurrency = 1, ResultsPath = folder["out/results.jsonl"] };
        ToolCallCase[] cases = [CallCase, RefusalCase, CallCase, RefusalCase];
        using FixedClient first = new(Call("set_light", "{\"room\": \"kitchen\", \"level\": 30}")) { Most = 3 };
        await Assert.ThrowsAsync<OperationCanceledException>(() => new ToolCallEvaluator(first, options)
            .EvaluateAsync(cases, cancellationToken: TestContext.Current.CancellationToken));

        using FixedClient second = new(new TextContent("No."));
        List<ToolCallProgress> seen = [];
        var report = await new ToolCallEvaluator(second, options).EvaluateAsync(
            cases, new Recorder(seen), TestContext.Current.CancellationToken);
        Assert.Equal((3, 1), (report.Resumed, second.Options.Count));
        Assert.Equal((2, 2, 2, 1, 0), (
            report.CallCases, report.ExactCalls, report.TextCases, report.RightTextCases, report.ExactTexts));
        Assert.Equal("set_light(room: \"kitchen\", level: 30)", Assert.Single(report.Failures).Answer);
        Assert.Equal(new ToolCallProgress(4, 4, 3), Assert.Single(seen));
    }

    [Fact]
    public async Task Evaluate_FileOfOtherCases_IsRefused()
    {
        using TemporaryFolder folder = new();
        ToolCallEvaluatorOptions options = new() { ResultsPath = folder["results.jsonl"] };
        using FixedClient client = new(new TextContent("No."));
        ToolCallEvaluator evaluator = new(client, options);
        await evaluator.EvaluateAsync([CallCase], cancellationToken: TestContext.Current.CancellationToken);
        var other = CallCase with { Expected = [new ExpectedToolCall("set_light", [])] };
        var error = await Assert.ThrowsAsync<InvalidDataException>(
            () => evaluator.EvaluateAsync([other], cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(
            $"The results in '{folder["results.jsonl"]}' are of another run; what differs is 'cases_sha256'. Name "
            + "another file, or remove this one.", error.Message);
    }

    [Fact]
    public void Evaluator_NoConcurrency_IsRefused()
    {
        using var client = new FixedClient(new TextContent("x"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ToolCallEvaluator(client, new() { Concurrency = 0 }));
    }

    private static ToolCallCase Case(string kind, string messages) => ToolCallCase.FromConversation(
        kind, JsonNode.Parse(messages)!.AsArray(), JsonNode.Parse(Tools)!.AsArray());

    private static FunctionCallContent Call(string name, string arguments) => new(
        "1", name, JsonNode.Parse(arguments)!.AsObject().ToDictionary(
            one => one.Key, one => (object?)JsonDocument.Parse(one.Value!.ToJsonString()).RootElement));

    private static async Task<ToolCallReport> Evaluate(ToolCallCase test, AIContent answer)
    {
        using var client = new FixedClient(answer);
        return await new ToolCallEvaluator(client).EvaluateAsync(
            [test], cancellationToken: TestContext.Current.CancellationToken);
    }

    private sealed class Recorder(List<ToolCallProgress> seen) : IProgress<ToolCallProgress>
    {
        public void Report(ToolCallProgress value)
        {
            lock (seen)
            {
                seen.Add(value);
            }
        }
    }

    private sealed class FixedClient(AIContent answer) : IChatClient
    {
        private readonly Lock _lock = new();

        public List<ChatOptions> Options { get; } = [];

        // Answers before the run is ended.
        public int Most { get; init; } = int.MaxValue;

        public Task<ChatResponse> GetResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            CancellationToken cancellationToken = default)
        {
            lock (_lock)
            {
                Options.Add(options!);
                if (Options.Count > Most)
                {
                    throw new OperationCanceledException();
                }
            }

            return Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, [answer])));
        }

        public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}
