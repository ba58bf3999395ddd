using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.AspNetCore.Tests.Chat;

public sealed class OllamaRawTests : IAsyncLifetime
{
    private const string Prompt = "<|user|>Hello!<|end|><|assistant|>";
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(models => models
        .AddModel(TestServer.Assistant, "assistant")
        .AddChatClient("fake", _ => FakeChatClient.Saying(new TextContent("a"))));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Raw_PromptOfATemplate_IsAnsweredAsTheTemplatesOwn()
    {
        var chat = await _server.PostAsync(
            "/api/generate", """{"model": "assistant", "prompt": "Hello!", "stream": false}""");
        var raw = (await AskAsync("\"stream\": false, \"logprobs\": true, \"top_logprobs\": 2")).Json;
        Assert.Equal("Hello! What can I do for you?", (string?)raw["response"]);
        Assert.Equal("stop", (string?)raw["done_reason"]);
        Assert.Equal((int?)chat.Json["prompt_eval_count"], (int?)raw["prompt_eval_count"]);
        Assert.Equal((int?)chat.Json["eval_count"], (int?)raw["eval_count"]);
        Assert.Equal(2, raw["logprobs"]![0]!["top_logprobs"]!.AsArray().Count);

        var lines = (await AskAsync("\"options\": {\"temperature\": 0}")).Text
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.True(lines.Length > 2);
        Assert.Equal(
            "Hello! What can I do for you?", string.Concat(lines.Select(line => (string?)line["response"])));
        Assert.True((bool)lines[^1]["done"]!);
    }

    [Fact]
    public async Task Raw_OptionsAndFormat_Hold()
    {
        var cut = (await AskAsync("\"stream\": false, \"options\": {\"num_predict\": 2}")).Json;
        Assert.Equal(("length", 2), ((string?)cut["done_reason"], (int?)cut["eval_count"]));
        var stopped = (await AskAsync("\"stream\": false, \"options\": {\"stop\": [\" can\"]}")).Json;
        Assert.Equal("Hello! What", (string?)stopped["response"]);
        var json = (await AskAsync("""
            "stream": false, "format": {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"],
            "additionalProperties": false}
            """)).Json;
        Assert.IsType<bool>(JsonNode.Parse((string)json["response"]!)!["a"]!.GetValue<bool>());
    }

    [Fact]
    public async Task Raw_WithoutAnEngine_IsRefused()
    {
        var answer = await _server.PostAsync("/api/generate", """{"model": "fake", "prompt": "x", "raw": true}""");
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Contains("no package that generates texts", (string?)answer.Json["error"], StringComparison.Ordinal);
    }

    private Task<ServerAnswer> AskAsync(string more) => _server.PostAsync(
        "/api/generate", $$"""{"model": "assistant", "prompt": "{{Prompt}}", "raw": true, {{more}}}""");
}
