using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests.Chat;

public sealed class ResponseTests : IAsyncLifetime
{
    private const string Tools = """
        [{"type": "function", "name": "set_light", "description": "Switches a light.", "parameters":
          {"type": "object", "properties": {"room": {"type": "string"}, "on": {"type": "boolean"}},
           "required": ["room", "on"]}}]
        """;

    private readonly FakeChatClient _fake = FakeChatClient.Saying(
        new TextReasoningContent("h"), new TextReasoningContent("m"), new TextContent("o"), new TextContent("k"),
        new FunctionCallContent("c1", "f", new Dictionary<string, object?> { ["a"] = 1 }),
        new UsageContent(new()
        {
            InputTokenCount = 3, OutputTokenCount = 4, TotalTokenCount = 7, CachedInputTokenCount = 1,
            ReasoningTokenCount = 2,
        }));

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await StartAsync(null);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Whole_EveryContent_IsAnItem()
    {
        var response = (await AskAsync("\"input\": \"x\", \"metadata\": {\"k\": \"v\"}")).Json;
        Assert.Equal(("response", "completed"), ((string?)response["object"], (string?)response["status"]));
        Assert.StartsWith("resp_", (string?)response["id"], StringComparison.Ordinal);
        var output = response["output"]!.AsArray();
        Assert.Equal(["reasoning", "message", "function_call"], output.Select(item => (string?)item!["type"]));
        Assert.Equal("""[{"type":"reasoning_text","text":"hm"}]""", output[0]!["content"]!.ToJsonString());
        Assert.Equal(
            """[{"type":"output_text","text":"ok","annotations":[],"logprobs":[]}]""",
            output[1]!["content"]!.ToJsonString());
        Assert.Equal(
            ("c1", "f", """{"a":1}""", "completed"),
            ((string?)output[2]!["call_id"], (string?)output[2]!["name"], (string?)output[2]!["arguments"],
                (string?)output[2]!["status"]));
        Assert.Equal(
            """
            {"input_tokens":3,"input_tokens_details":{"cached_tokens":1,"cache_write_tokens":0},"output_tokens":4,
            "output_tokens_details":{"reasoning_tokens":2},"total_tokens":7}
            """.ReplaceLineEndings(""),
            response["usage"]!.ToJsonString());
        Assert.Equal("v", (string?)response["metadata"]!["k"]);
        Assert.Equal("auto", (string?)response["tool_choice"]);
        Assert.Equal("text", (string?)response["text"]!["format"]!["type"]);
    }

    [Fact]
    public async Task Stream_Events_TellTheResponseFromBeginningToEnd()
    {
        var text = (await AskAsync("\"input\": \"x\", \"stream\": true")).Text;
        var events = Events(text);
        Assert.Equal(
            [
                "response.created", "response.in_progress", "response.output_item.added",
                "response.reasoning_text.delta", "response.reasoning_text.delta", "response.reasoning_text.done",
                "response.output_item.done", "response.output_item.added", "response.content_part.added",
                "response.output_text.delta", "response.output_text.delta", "response.output_text.done",
                "response.content_part.done", "response.output_item.done", "response.output_item.added",
                "response.function_call_arguments.delta", "response.function_call_arguments.done",
                "response.output_item.done", "response.completed",
            ],
            events.Select(one => (string?)one["type"]));
        Assert.Equal(Enumerable.Range(0, events.Count), events.Select(one => (int)one["sequence_number"]!));
        Assert.Equal("ok", string.Concat(events.Where(
            one => (string?)one["type"] == "response.output_text.delta").Select(one => (string?)one["delta"])));
        Assert.Equal([0, 1, 2], events.Where(one => (string?)one["type"] == "response.output_item.done").Select(
            one => (int)one["output_index"]!));
        var whole = events[^1]["response"]!;
        Assert.Equal(
            events.Where(one => (string?)one["type"] == "response.output_item.done").Select(
                one => one["item"]!.ToJsonString()),
            whole["output"]!.AsArray().Select(item => item!.ToJsonString()));
        var kept = await _server.GetAsync($"/v1/responses/{(string?)whole["id"]}");
        Assert.Equal(whole.ToJsonString(), kept.Json.ToJsonString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Logprobs_ThatAreIncluded_AreThoseOfChatCompletions(bool stream)
    {
        await using var server = await TestServer.StartAsync(models => models.AddModel(TestServer.Assistant, "fake"));
        var chat = await server.PostAsync("/v1/chat/completions", """
            {"model": "fake", "temperature": 0, "logprobs": true, "top_logprobs": 2,
             "messages": [{"role": "user", "content": "Hello!"}]}
            """);
        var choice = chat.Json["choices"]![0]!;
        var expected = choice["logprobs"]!["content"]!.AsArray();
        var answer = await server.PostAsync("/v1/responses", $$"""
            {"model": "fake", "temperature": 0, "input": "Hello!", "top_logprobs": 2,
             "stream": {{(stream ? "true" : "false")}}, "include": ["message.output_text.logprobs"]}
            """);
        var part = stream ? Events(answer.Text)[^1]["response"]!["output"]![0]!["content"]![0]!
            : answer.Json["output"]![0]!["content"]![0]!;
        Assert.Equal((string?)choice["message"]!["content"], (string?)part["text"]);

        // The chat's tokens end with the one that ends the answer, which is no part of the text.
        var tokens = part["logprobs"]!.AsArray();
        Assert.Equal(
            expected.Take(tokens.Count).Select(token => token!.ToJsonString()),
            tokens.Select(token => token!.ToJsonString()));
        Assert.InRange(expected.Count - tokens.Count, 0, 1);
        Assert.Equal(2, tokens[0]!["top_logprobs"]!.AsArray().Count);
        if (stream)
        {
            var deltas = Events(answer.Text).Where(
                one => (string?)one["type"] == "response.output_text.delta").ToArray();
            Assert.Equal(
                tokens.Select(token => token!.ToJsonString()),
                deltas.SelectMany(one => one["logprobs"]!.AsArray()).Select(token => token!.ToJsonString()));
        }
    }

    [Fact]
    public async Task Previous_Response_IsPartOfTheConversation()
    {
        var first = (await AskAsync("\"input\": \"one\", \"instructions\": \"be brief\"")).Json;
        Assert.Equal("be brief", _fake.Options!.Instructions);
        var second = (await AskAsync($$"""
            "previous_response_id": "{{(string?)first["id"]}}", "input": [
              {"type": "function_call_output", "call_id": "c1", "output": "2"},
              {"role": "user", "content": [{"type": "input_text", "text": "two"}, {"type": "input_image",
               "image_url": "data:image/png;base64,AAEC"}]}]
            """)).Json;
        Assert.Null(_fake.Options!.Instructions);
        Assert.Equal(
            ["user", "assistant", "tool", "user"], _fake.Messages.Select(message => message.Role.Value));
        Assert.Equal("one", _fake.Messages[0].Text);
        Assert.Equal(
            ["TextReasoningContent", "TextContent", "FunctionCallContent"],
            _fake.Messages[1].Contents.Select(content => content.GetType().Name));
        Assert.Equal("2", Assert.IsType<FunctionResultContent>(_fake.Messages[2].Contents[0]).Result);
        Assert.Equal("image/png", Assert.IsType<DataContent>(_fake.Messages[3].Contents[1]).MediaType);
        Assert.Equal((string?)first["id"], (string?)second["previous_response_id"]);

        var items = (await _server.GetAsync($"/v1/responses/{(string?)second["id"]}/input_items")).Json;
        Assert.Equal(2, items["data"]!.AsArray().Count);

        // Deleting one leaves what came after it alone.
        using var deleted = await _server.Http.DeleteAsync(
            new Uri($"/v1/responses/{(string?)first["id"]}", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        Assert.Equal(
            (404, null, "response_not_found"), (await _server.GetAsync($"/v1/responses/{(string?)first["id"]}")).Error);
        await AskAsync($"\"previous_response_id\": \"{(string?)second["id"]}\", \"input\": \"three\"");
        Assert.Equal(6, _fake.Messages.Count);
    }

    [Fact]
    public async Task InputItems_Pages_ComeInTheOrderThatIsAskedFor()
    {
        var input = string.Join(", ", Enumerable.Range(0, 25).Select(
            index => $$"""{"role": "user", "id": "msg_{{index}}", "content": "x"}"""));
        var path = $"/v1/responses/{(string?)(await AskAsync($"\"input\": [{input}]")).Json["id"]}/input_items";

        var page = (await _server.GetAsync(path)).Json;
        Assert.Equal(
            (20, "msg_24", "msg_5", true),
            (page["data"]!.AsArray().Count, (string?)page["first_id"], (string?)page["last_id"],
                (bool)page["has_more"]!));
        page = (await _server.GetAsync($"{path}?after=msg_5")).Json;
        Assert.Equal(
            (5, "msg_4", "msg_0", false),
            (page["data"]!.AsArray().Count, (string?)page["first_id"], (string?)page["last_id"],
                (bool)page["has_more"]!));
        page = (await _server.GetAsync($"{path}?order=asc&limit=2&after=msg_7")).Json;
        Assert.Equal(["msg_8", "msg_9"], page["data"]!.AsArray().Select(item => (string?)item!["id"]));
        Assert.Equal((400, "limit", "integer_above_max_value"), (await _server.GetAsync($"{path}?limit=101")).Error);
        Assert.Equal((400, "limit", "invalid_type"), (await _server.GetAsync($"{path}?limit=many")).Error);
        Assert.Equal((400, "order", "invalid_value"), (await _server.GetAsync($"{path}?order=up")).Error);
        Assert.Equal((400, "after", "invalid_value"), (await _server.GetAsync($"{path}?after=msg_x")).Error);
    }

    [Fact]
    public async Task Cancel_WholeResponse_IsRefused()
    {
        var id = (string?)(await AskAsync("\"input\": \"x\"")).Json["id"];
        Assert.Equal((400, null, null), (await _server.PostAsync($"/v1/responses/{id}/cancel", "")).Error);
        Assert.Equal(
            (404, null, "response_not_found"), (await _server.PostAsync("/v1/responses/resp_x/cancel", "")).Error);
        Assert.Equal(
            (400, "stream", "unsupported_parameter"),
            (await _server.GetAsync($"/v1/responses/{id}?stream=true")).Error);
    }

    [Fact]
    public async Task InputTokens_OfARequest_AreThoseOfItsPrompt()
    {
        const string Ask = "\"input\": \"turn on the kitchen light\", \"instructions\": \"Be brief.\"";
        var counted = await _server.PostAsync("/v1/responses/input_tokens", $"{{\"model\": \"assistant\", {Ask}}}");
        var response = (await PostAsync("assistant", Ask)).Json;
        Assert.Equal("response.input_tokens", (string?)counted.Json["object"]);
        Assert.Equal((int?)response["usage"]!["input_tokens"], (int?)counted.Json["input_tokens"]);
    }

    [Fact]
    public async Task Truncation_Auto_DropsTheFirstMessages()
    {
        var text = string.Concat(Enumerable.Repeat("word ", 100));
        var input = string.Join(", ", Enumerable.Range(0, 24).Select(
            index => $$"""{"role": "{{(index % 2 == 0 ? "user" : "assistant")}}", "content": "{{text}}"}"""));
        var ask = $$"""
            "instructions": "Be brief.", "input": [{{input}}, {"role": "user", "content": "Hello!"}],
            "max_output_tokens": 8
            """;

        Assert.Equal((400, "input", "context_length_exceeded"), (await PostAsync("assistant", ask)).Error);
        var response = (await PostAsync("assistant", $"{ask}, \"truncation\": \"auto\"")).Json;
        Assert.Equal("auto", (string?)response["truncation"]);
        Assert.True((int)response["usage"]!["input_tokens"]! > 200);
        Assert.Equal(
            (400, "input", "context_length_exceeded"),
            (await PostAsync("assistant", $$"""
                "truncation": "auto", "input": "{{string.Concat(Enumerable.Repeat(text, 24))}}"
                """)).Error);
    }

    [Fact]
    public async Task AllowedTools_OfSeveral_AreOfferedAlone()
    {
        const string Two = """
            [{"type": "function", "name": "a"}, {"type": "function", "name": "b"}]
            """;
        var response = (await AskAsync($$"""
            "input": "x", "tools": {{Two}}, "service_tier": "flex", "user": "u", "prompt_cache_key": "k",
            "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]}
            """)).Json;
        Assert.Equal("b", Assert.Single(_fake.Options!.Tools!).Name);
        Assert.IsType<RequiredChatToolMode>(_fake.Options.ToolMode);
        Assert.Equal(2, response["tools"]!.AsArray().Count);
        Assert.Equal("allowed_tools", (string?)response["tool_choice"]!["type"]);
        Assert.Equal(
            ("default", "u", "k"),
            ((string?)response["service_tier"], (string?)response["user"], (string?)response["prompt_cache_key"]));
        Assert.Equal(
            (400, "tool_choice.tools[0].name", "invalid_value"),
            (await AskAsync($$"""
                "input": "x", "tools": {{Two}}, "tool_choice":
                {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "c"}]}
                """)).Error);
    }

    [Fact]
    public async Task Store_Off_KeepsNothing()
    {
        var response = (await AskAsync("\"input\": \"x\", \"store\": false")).Json;
        Assert.Equal(
            (404, null, "response_not_found"),
            (await _server.GetAsync($"/v1/responses/{(string?)response["id"]}")).Error);
        Assert.False((bool)response["store"]!);
    }

    [Fact]
    public async Task Store_File_OutlivesTheServerAndKeepsCallersApart()
    {
        using var folder = new TemporaryFolder();
        string id;
        await using (var server = await StartAsync(folder["responses.db"], "a", "b"))
        {
            id = (string)(await server.PostAsync(
                "/v1/responses", """{"model": "fake", "input": "x"}""", "a")).Json["id"]!;
        }

        await using var next = await StartAsync(folder["responses.db"], "a", "b");
        var body = $$"""{"model": "fake", "input": "y", "previous_response_id": "{{id}}"}""";
        Assert.Equal(
            (400, "previous_response_id", "previous_response_not_found"),
            (await next.PostAsync("/v1/responses", body, "b")).Error);
        Assert.Equal(HttpStatusCode.OK, (await next.PostAsync("/v1/responses", body, "a")).Status);
    }

    [Fact]
    public async Task Store_MoreThanItsMost_LetsTheOldestGo()
    {
        await using var server = await TestServer.StartAsync(
            models => models.AddChatClient("fake", _ => _fake), options => options.MaxStoredResponses = 2);
        var ids = new List<string?>();
        for (var i = 0; i < 3; i++)
        {
            ids.Add((string?)(await server.PostAsync("/v1/responses", """{"model": "fake", "input": "x"}"""))
                .Json["id"]);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await server.GetAsync($"/v1/responses/{ids[0]}")).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync($"/v1/responses/{ids[1]}")).Status);
    }

    [Fact]
    public async Task Assistant_ToolsLoopAndLength_AreToldAsTheyAre()
    {
        var first = (await PostAsync(
            "assistant", $"\"input\": \"turn on the kitchen light\", \"tools\": {Tools}")).Json;
        var call = first["output"]![0]!;
        Assert.Equal(
            ("function_call", "set_light", """{"room":"kitchen","on":true}"""),
            ((string?)call["type"], (string?)call["name"], (string?)call["arguments"]));
        var second = (await PostAsync("assistant", $$"""
            "tools": {{Tools}}, "previous_response_id": "{{(string?)first["id"]}}", "input": [
              {"type": "function_call_output", "call_id": "{{(string?)call["call_id"]}}", "output": "ok"}]
            """)).Json;
        Assert.Equal("The light in the kitchen is on.", (string?)second["output"]![0]!["content"]![0]!["text"]);
        var cut = (await PostAsync("assistant", "\"input\": \"Hello!\", \"max_output_tokens\": 2")).Json;
        Assert.Equal(
            ("incomplete", "max_output_tokens"),
            ((string?)cut["status"], (string?)cut["incomplete_details"]!["reason"]));
    }

    [Fact]
    public async Task Failure_InAStream_IsItsLastEvent()
    {
        await using var server = await TestServer.StartAsync(models => models.AddChatClient(
            "fake", _ => new FakeChatClient((_, _, _) => FailingAsync())));
        var answer = await server.PostAsync("/v1/responses", """{"model": "fake", "input": "x", "stream": true}""");
        var last = Events(answer.Text)[^1];
        Assert.Equal(("response.failed", "failed"), ((string?)last["type"], (string?)last["response"]!["status"]));
        Assert.Equal("internal_error", (string?)last["response"]!["error"]!["code"]);
        Assert.DoesNotContain("out of luck", answer.Text, StringComparison.Ordinal);
        Assert.Contains(server.Log.Lines, line => line.Contains("out of luck", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("\"input\": 1", "input", "invalid_type")]
    [InlineData("\"input\": []", "input", "empty_array")]
    [InlineData("\"input\": [1]", "input[0]", "invalid_type")]
    [InlineData("\"input\": [{\"type\": \"smell\"}]", "input[0].type", "invalid_value")]
    [InlineData("\"input\": [{\"role\": \"user\"}]", "input[0].content", "missing_required_parameter")]
    [InlineData("\"input\": [{\"role\": \"tool\", \"content\": \"x\"}]", "input[0].role", "invalid_value")]
    [InlineData("\"input\": [{\"content\": \"x\"}]", "input[0].role", "missing_required_parameter")]
    [InlineData("\"input\": [{\"type\": \"function_call\", \"call_id\": \"a\", \"name\": \"f\"}]",
        "input[0].arguments", "missing_required_parameter")]
    [InlineData("\"input\": [{\"type\": \"function_call_output\", \"call_id\": \"a\", \"output\": \"x\"}]",
        "input[0].call_id", "invalid_value")]
    [InlineData("\"input\": \"x\", \"previous_response_id\": \"resp_x\"", "previous_response_id",
        "previous_response_not_found")]
    [InlineData("\"input\": \"x\", \"tools\": [{\"type\": \"web_search\"}]", "tools[0].type", "invalid_value")]
    [InlineData("\"input\": \"x\", \"tools\": [{\"type\": \"function\"}]", "tools[0].name",
        "missing_required_parameter")]
    [InlineData("\"input\": \"x\", \"tool_choice\": \"required\"", "tool_choice", "invalid_parameter_combination")]
    [InlineData("\"input\": \"x\", \"tool_choice\": {\"type\": \"function\", \"name\": \"g\"}", "tool_choice.name",
        "invalid_value")]
    [InlineData("\"input\": \"x\", \"background\": true", "background", "unsupported_parameter")]
    [InlineData("\"input\": \"x\", \"conversation\": \"c\"", "conversation", "unsupported_parameter")]
    [InlineData("\"input\": \"x\", \"truncation\": \"some\"", "truncation", "invalid_value")]
    [InlineData("\"input\": \"x\", \"service_tier\": \"gold\"", "service_tier", "invalid_value")]
    [InlineData("\"input\": \"x\", \"stream_options\": {\"include_obfuscation\": true}", "stream_options",
        "invalid_parameter_combination")]
    [InlineData("\"input\": \"x\", \"stream\": true, \"stream_options\": {\"a\": 1}", "stream_options.a",
        "unknown_parameter")]
    [InlineData("\"input\": \"x\", \"text\": {\"verbosity\": \"low\"}", "text.verbosity", "unsupported_value")]
    [InlineData("\"input\": \"x\", \"text\": {\"verbosity\": \"huge\"}", "text.verbosity", "invalid_value")]
    [InlineData("\"input\": \"x\", \"reasoning\": {\"summary\": \"long\"}", "reasoning.summary", "invalid_value")]
    [InlineData("\"input\": \"x\", \"max_tool_calls\": 1", "max_tool_calls", "unsupported_parameter")]
    [InlineData("\"input\": \"x\", \"context_management\": [{\"type\": \"compaction\"}]", "context_management",
        "unsupported_parameter")]
    [InlineData("\"input\": \"x\", \"moderation\": {\"model\": \"a\"}", "moderation", "unsupported_parameter")]
    [InlineData("\"input\": \"x\", \"tool_choice\": {\"type\": \"allowed_tools\", \"mode\": \"auto\", \"tools\": []}",
        "tool_choice.tools", "empty_array")]
    [InlineData("\"input\": \"x\", \"tool_choice\": {\"type\": \"file_search\"}", "tool_choice.type", "invalid_value")]
    [InlineData("\"input\": \"x\", \"temperature\": 5", "temperature", "decimal_above_max_value")]
    [InlineData("\"input\": \"x\", \"text\": {\"format\": {\"type\": \"json_schema\", \"name\": \"a\"}}",
        "text.format.schema", "missing_required_parameter")]
    [InlineData("\"input\": \"x\", \"reasoning\": {\"effort\": \"huge\"}", "reasoning.effort", "invalid_value")]
    [InlineData("\"inputs\": \"x\"", "inputs", "unknown_parameter")]
    public async Task Create_WrongValue_HasParameterAndCode(string more, string param, string code)
        => Assert.Equal((400, param, code), (await AskAsync(more)).Error);

    private static async IAsyncEnumerable<ChatResponseUpdate> FailingAsync()
    {
        await Task.Yield();
        yield return new ChatResponseUpdate(ChatRole.Assistant, "well");
        throw new InvalidOperationException("out of luck");
    }

    private static List<JsonNode> Events(string text) => [.. text
        .Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
        .Select(one =>
        {
            var lines = one.Split('\n');
            var data = JsonNode.Parse(lines[1]["data: ".Length..])!;
            Assert.Equal($"event: {(string?)data["type"]}", lines[0]);
            return data;
        })];

    private Task<TestServer> StartAsync(string? path, params string[] keys) => TestServer.StartAsync(
        models => models.AddModel(TestServer.Assistant, "assistant").AddChatClient("fake", _ => _fake),
        options =>
        {
            options.ResponsesPath = path;
            options.ApiKeys = keys;
        });

    private Task<ServerAnswer> AskAsync(string more) => PostAsync("fake", more);

    private Task<ServerAnswer> PostAsync(string model, string more)
        => _server.PostAsync("/v1/responses", $$"""{"model": "{{model}}", {{more}}}""");
}
