using System.Text.Json.Nodes;

namespace Slipway.AspNetCore.Tests.Chat;

public sealed class CompletionTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(models => models
        .AddModel(TestServer.Assistant, "assistant").AddEmbeddingGenerator("numbers", _ => new FakeEmbeddings()));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Whole_TextAndItsTokens_AreContinuedAlike()
    {
        var ids = (await _server.PostAsync(
            "/v1/tokenize", """{"model": "assistant", "prompt": "turn on the", "add_special_tokens": false}"""))
            .Json["tokens"]!;
        var both = (await AskAsync($"\"prompt\": [\"turn on the\", {ids.ToJsonString()}]")).Json;
        Assert.Equal("text_completion", (string?)both["object"]);
        var texts = both["choices"]!.AsArray().Select(choice => (string?)choice!["text"]).ToArray();
        Assert.Equal(2, texts.Length);
        Assert.Equal(texts[0], texts[1]);
        var streamed = (await AskAsync(
            "\"prompt\": \"turn on the\", \"stream\": true, \"stream_options\": {\"include_usage\": true}")).Events;
        Assert.Equal(texts[0], string.Concat(streamed.SelectMany(one => one["choices"]!.AsArray()).Select(
            choice => (string?)choice!["text"])));
        Assert.Equal("length", (string?)streamed[^2]["choices"]![0]!["finish_reason"]);
        Assert.Equal(8, (int)streamed[^1]["usage"]!["completion_tokens"]!);
    }

    [Fact]
    public async Task Echo_NoNewTokens_ScoresThePrompt()
    {
        var answer = (await AskAsync("\"prompt\": \"turn on the light\", \"echo\": true, \"logprobs\": 2", 0)).Json;
        var choice = answer["choices"]![0]!;
        Assert.Equal("turn on the light", (string?)choice["text"]);
        var logprobs = choice["logprobs"]!;
        var tokens = logprobs["tokens"]!.AsArray();
        Assert.Equal("turn on the light", string.Concat(tokens.Select(token => (string?)token)));
        Assert.Null(logprobs["token_logprobs"]![0]);
        Assert.All(
            logprobs["token_logprobs"]!.AsArray().Skip(1), value => Assert.True((double)value! <= 0));
        Assert.Equal(
            Offsets(tokens), logprobs["text_offset"]!.AsArray().Select(offset => (int)offset!));
        Assert.Equal(0, (int)answer["usage"]!["completion_tokens"]!);
    }

    [Fact]
    public async Task Echo_NewTokens_FollowThePrompt()
    {
        var plain = (await AskAsync("\"prompt\": \"turn on the\", \"logprobs\": 1")).Json["choices"]![0]!;
        var echoed = (await AskAsync("\"prompt\": \"turn on the\", \"echo\": true, \"logprobs\": 1"))
            .Json["choices"]![0]!;
        Assert.Equal($"turn on the{(string?)plain["text"]}", (string?)echoed["text"]);
        var count = plain["logprobs"]!["tokens"]!.AsArray().Count;
        Assert.Equal(8, count);
        Assert.Equal(
            plain["logprobs"]!["token_logprobs"]!.AsArray().Select(value => (float?)value),
            echoed["logprobs"]!["token_logprobs"]!.AsArray().TakeLast(count).Select(value => (float?)value));
    }

    [Fact]
    public async Task Tokens_RoundTrip()
    {
        var tokens = (await _server.PostAsync(
            "/v1/tokenize", """{"model": "assistant", "prompt": "Grüße, 12 €"}""")).Json;
        Assert.Equal(tokens["tokens"]!.AsArray().Count, (int)tokens["count"]!);
        Assert.Equal(1024, (int)tokens["max_model_len"]!);
        var text = await _server.PostAsync(
            "/v1/detokenize", $$"""{"model": "assistant", "tokens": {{tokens["tokens"]!.ToJsonString()}}}""");
        Assert.Equal("Grüße, 12 €", (string?)text.Json["prompt"]);
    }

    [Fact]
    public async Task Embeddings_FloatAndBase64_AreTheSame()
    {
        var floats = (await _server.PostAsync(
            "/v1/embeddings", """{"model": "numbers", "input": ["abc", "z"]}""")).Json;
        Assert.Equal("list", (string?)floats["object"]);
        Assert.Equal(
            """{"index":0,"embedding":[3,97],"object":"embedding"}""", floats["data"]![0]!.ToJsonString());
        Assert.Equal("""{"prompt_tokens":7,"total_tokens":7}""", floats["usage"]!.ToJsonString());
        var bytes = (await _server.PostAsync(
            "/v1/embeddings", """{"model": "numbers", "input": "abc", "encoding_format": "base64"}""")).Json;
        var numbers = Convert.FromBase64String((string)bytes["data"]![0]!["embedding"]!);
        Assert.Equal([3f, 97f], [BitConverter.ToSingle(numbers, 0), BitConverter.ToSingle(numbers, 4)]);
    }

    private static IEnumerable<int> Offsets(JsonArray tokens)
    {
        var offset = 0;
        foreach (var token in tokens)
        {
            yield return offset;
            offset += ((string)token!).Length;
        }
    }

    private Task<ServerAnswer> AskAsync(string more, int maxTokens = 8) => _server.PostAsync(
        "/v1/completions",
        $$"""{"model": "assistant", "temperature": 0, "ignore_eos": true, "max_tokens": {{maxTokens}}, {{more}}}""");
}
