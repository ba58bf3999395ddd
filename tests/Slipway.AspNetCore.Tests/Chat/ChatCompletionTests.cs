using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.AspNetCore.Tests.Chat;

public sealed class ChatCompletionTests : IAsyncLifetime
{
    private const string Tools = """
        [{"type": "function", "function": {"name": "set_light", "description": "Switches a light.", "parameters":
          {"type": "object", "properties": {"room": {"type": "string"}, "on": {"type": "boolean"}},
           "required": ["room", "on"]}}}]
        """;

    private readonly FakeChatClient _fake = FakeChatClient.Saying(
        new TextReasoningContent("hm"), new TextContent("o"), new TextContent("k"),
        new FunctionCallContent("c1", "f", new Dictionary<string, object?> { ["a"] = "ä" }),
        new UsageContent(new() { InputTokenCount = 3, OutputTokenCount = 4, CachedInputTokenCount = 1 }));

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(models => models
        .AddModel(TestServer.Assistant, "assistant").AddChatClient("fake", _ => _fake));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Whole_EveryContent_IsTheMemberOfTheApi()
    {
        var answer = (await Ask("fake", "\"seed\": 5")).Json;
        Assert.Equal("chat.completion", (string?)answer["object"]);
        Assert.StartsWith("chatcmpl-", (string?)answer["id"], StringComparison.Ordinal);
        AssertJson(
            """
            [{"index":0,"message":{"content":"ok","reasoning_content":"hm","tool_calls":[{"id":"c1","function":
              {"name":"f","arguments":"{\"a\":\"ä\"}"},"type":"function"}],"role":"assistant","refusal":null},
              "logprobs":null,"finish_reason":"tool_calls"}]
            """,
            answer["choices"]!);
        AssertJson(
            """
            {"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":1},
             "completion_tokens_details":{"reasoning_tokens":0}}
            """,
            answer["usage"]!);
        Assert.Equal(5, _fake.Options!.Seed);
    }

    [Fact]
    public async Task Stream_EveryContent_IsADeltaOfItsOwn()
    {
        var events = (await Ask("fake", "\"stream\": true, \"stream_options\": {\"include_usage\": true}")).Events;
        Assert.Single(events.Select(one => (string?)one["id"]).Distinct());
        Assert.All(events, one => Assert.Equal("chat.completion.chunk", (string?)one["object"]));
        AssertJson(
            """
            [{"role":"assistant","content":""},{"reasoning_content":"hm"},{"content":"o"},{"content":"k"},
             {"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\":\"ä\"}"},
               "type":"function"}]},{}]
            """,
            new JsonArray([.. events.Take(events.Count - 1).Select(one => one["choices"]![0]!["delta"]!.DeepClone())]));
        Assert.All(events.Take(events.Count - 2), one => Assert.Null(one["choices"]![0]!["finish_reason"]));
        Assert.Equal("tool_calls", (string?)events[^2]["choices"]![0]!["finish_reason"]);
        Assert.Empty(events[^1]["choices"]!.AsArray());
        Assert.Equal(7, (int)events[^1]["usage"]!["total_tokens"]!);
    }

    [Fact]
    public async Task Several_Answers_HaveIndexesSeedsAndOnePrompt()
    {
        var seeds = new System.Collections.Concurrent.ConcurrentBag<long?>();
        await using var server = await TestServer.StartAsync(models => models.AddChatClient(
            "fake", _ => new FakeChatClient((_, options, _) =>
            {
                seeds.Add(options!.Seed);
                return FakeChatClient.Updates(
                    new TextContent($"{options.Seed}"),
                    new UsageContent(new() { InputTokenCount = 3, OutputTokenCount = 2 }));
            })));
        const string body = """{"model": "fake", "messages": [{"role": "user", "content": "x"}], "n": 3, "seed": 1 """;
        var whole = (await server.PostAsync("/v1/chat/completions", body + "}")).Json;
        Assert.Equal([0, 1, 2], whole["choices"]!.AsArray().Select(choice => (int)choice!["index"]!));
        Assert.Equal(3, whole["choices"]!.AsArray().Select(
            choice => (string?)choice!["message"]!["content"]).Distinct().Count());
        Assert.Equal((3, 6), ((int)whole["usage"]!["prompt_tokens"]!, (int)whole["usage"]!["completion_tokens"]!));
        var streamed = (await server.PostAsync("/v1/chat/completions", body + ", \"stream\": true}")).Events;
        Assert.Equal(
            whole["choices"]!.AsArray().Select(choice => (string?)choice!["message"]!["content"]),
            Enumerable.Range(0, 3).Select(index => string.Concat(streamed
                .Where(one => (int)one["choices"]![0]!["index"]! == index)
                .Select(one => (string?)one["choices"]![0]!["delta"]!["content"]))));
        Assert.Equal(6, seeds.Count);
    }

    [Fact]
    public async Task Assistant_ToolsLoop_CallsAndTellsTheResult()
    {
        var first = (await Ask("assistant", $"\"tools\": {Tools}", "turn on the kitchen light")).Json;
        var message = first["choices"]![0]!["message"]!;
        var call = message["tool_calls"]![0]!;
        Assert.Equal("set_light", (string?)call["function"]!["name"]);
        Assert.Equal("""{"room":"kitchen","on":true}""", (string?)call["function"]!["arguments"]);
        var second = await _server.PostAsync("/v1/chat/completions", $$"""
            {"model": "assistant", "tools": {{Tools}}, "messages": [
              {"role": "user", "content": "turn on the kitchen light"}, {{message.ToJsonString()}},
              {"role": "tool", "tool_call_id": {{call["id"]!.ToJsonString()}}, "content": "ok"}]}
            """);
        Assert.Equal("The light in the kitchen is on.", (string?)second.Json["choices"]![0]!["message"]!["content"]);
        Assert.Equal("stop", (string?)second.Json["choices"]![0]!["finish_reason"]);
    }

    [Fact]
    public async Task Assistant_StreamWithLogprobs_IsTheWholeAnswerTokenByToken()
    {
        const string more = "\"logprobs\": true, \"top_logprobs\": 2, \"max_tokens\": 8";
        var whole = (await Ask("assistant", more)).Json["choices"]![0]!;
        var tokens = whole["logprobs"]!["content"]!.AsArray();
        Assert.Equal(
            (string?)whole["message"]!["content"], string.Concat(tokens.Select(token => (string?)token!["token"])));
        Assert.All(tokens, token => Assert.Equal(2, token!["top_logprobs"]!.AsArray().Count));
        Assert.All(tokens, token => Assert.True((double)token!["logprob"]! <= 0));
        var events = (await Ask("assistant", more + ", \"stream\": true")).Events;
        AssertJson(tokens.ToJsonString(), new JsonArray([.. events
            .SelectMany(one => one["choices"]![0]!["logprobs"]?["content"]!.AsArray() ?? [])
            .Select(token => token!.DeepClone())]));
    }

    [Fact]
    public async Task Assistant_Schema_IsHeldTo()
    {
        var answer = (await Ask("assistant", """
            "response_format": {"type": "json_schema", "json_schema": {"name": "light", "strict": true, "schema":
              {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"],
               "additionalProperties": false}}}
            """)).Json;
        var light = JsonNode.Parse((string)answer["choices"]![0]!["message"]!["content"]!)!.AsObject();
        Assert.IsType<bool>((bool)Assert.Single(light).Value!);
    }

    [Fact]
    public async Task Messages_EveryRole_ReachTheClient()
    {
        var answer = await _server.PostAsync("/v1/chat/completions", """
            {"model": "fake", "messages": [
              {"role": "developer", "content": "be brief"},
              {"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url":
                {"url": "data:image/png;base64,AAEC"}}, {"type": "input_audio", "input_audio":
                {"data": "AAEC", "format": "wav"}}], "name": "ann"},
              {"role": "assistant", "content": null, "reasoning_content": "why", "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}},
                {"id": "d", "type": "function", "function": {"name": "g", "arguments": "{broken"}}]},
              {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "2"}]},
              {"role": "tool", "tool_call_id": "d", "content": "no"}]}
            """);
        Assert.True(answer.Status == System.Net.HttpStatusCode.OK, answer.Text);
        Assert.Equal(
            ["system", "user", "assistant", "tool", "tool"], _fake.Messages.Select(message => message.Role.Value));
        Assert.Equal("ann", _fake.Messages[1].AuthorName);
        Assert.Equal(
            ["image/png", "audio/wav"], _fake.Messages[1].Contents.OfType<DataContent>().Select(one => one.MediaType));
        Assert.Equal("why", Assert.IsType<TextReasoningContent>(_fake.Messages[2].Contents[0]).Text);
        Assert.Equal("1", $"{Assert.IsType<FunctionCallContent>(_fake.Messages[2].Contents[1]).Arguments!["a"]}");
        var broken = Assert.IsType<FunctionCallContent>(_fake.Messages[2].Contents[2]);
        Assert.Equal(("{broken", true), ((string?)broken.RawRepresentation, broken.Exception is not null));
        Assert.Equal("2", Assert.IsType<FunctionResultContent>(_fake.Messages[3].Contents[0]).Result);
    }

    [Fact]
    public async Task Options_EveryParameter_ReachesTheClient()
    {
        var answer = await Ask("fake", $$$"""
            "temperature": 0.5, "top_p": 0, "max_completion_tokens": 9, "presence_penalty": 1, "frequency_penalty": -1,
            "stop": "end", "parallel_tool_calls": false, "tools": {{{Tools}}}, "tool_choice": {"type": "function",
            "function": {"name": "set_light"}}, "reasoning_effort": "minimal", "logit_bias": {"3": -100},
            "top_k": 5, "min_p": 0.1, "chat_template_kwargs": {"a": 1}, "user": "u", "metadata": {"k": "v"},
            "response_format": {"type": "json_object"}, "service_tier": "auto", "modalities": ["text"], "store": null
            """);
        Assert.True(answer.Status == System.Net.HttpStatusCode.OK, answer.Text);
        var options = _fake.Options!;
        Assert.Equal(
            (0.5f, float.Epsilon, 9, 1f, -1f), (options.Temperature, options.TopP, options.MaxOutputTokens,
                options.PresencePenalty, options.FrequencyPenalty));
        Assert.Equal(["end"], options.StopSequences!);
        Assert.False(options.AllowMultipleToolCalls);
        Assert.Equal("set_light", Assert.IsType<RequiredChatToolMode>(options.ToolMode).RequiredFunctionName);
        Assert.Equal(ReasoningEffort.Low, options.Reasoning!.Effort);
        Assert.IsType<ChatResponseFormatJson>(options.ResponseFormat);
        Assert.Equal(
            ["chat_template_kwargs", "logit_bias", "min_p", "top_k"], options.AdditionalProperties!.Keys.Order());
        var function = Assert.IsAssignableFrom<AIFunctionDeclaration>(Assert.Single(options.Tools!));
        Assert.Equal("Switches a light.", function.Description);
        Assert.True(function.JsonSchema.GetProperty("properties").TryGetProperty("room", out _));
    }

    [Fact]
    public async Task AllowedTools_OfSeveral_AreOfferedAlone()
    {
        var answer = await Ask("fake", """
            "tools": [{"type": "function", "function": {"name": "a"}}, {"type": "function", "function": {"name": "b"}}],
            "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
              {"type": "function", "function": {"name": "b"}}]}},
            "service_tier": "priority", "verbosity": "medium", "prompt_cache_retention": "24h"
            """);
        Assert.True(answer.Status == System.Net.HttpStatusCode.OK, answer.Text);
        Assert.Equal("b", Assert.Single(_fake.Options!.Tools!).Name);
        Assert.Null(Assert.IsType<RequiredChatToolMode>(_fake.Options.ToolMode).RequiredFunctionName);
        Assert.Equal("default", (string?)answer.Json["service_tier"]);
    }

    private Task<ServerAnswer> Ask(string model, string more, string text = "Hello!") => _server.PostAsync(
        "/v1/chat/completions",
        $$"""{"model": "{{model}}", "messages": [{"role": "user", "content": "{{text}}"}], {{more}}}""");

    private static void AssertJson(string expected, JsonNode actual)
        => Assert.Equal(JsonNode.Parse(expected)!.ToJsonString(), actual.ToJsonString());
}
