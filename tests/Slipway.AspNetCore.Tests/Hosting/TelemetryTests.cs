using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.AI;
using Slipway.Telemetry;

namespace Slipway.AspNetCore.Tests.Hosting;

public sealed class TelemetryTests
{
    private const string Secret = "xyzzy";

    [Theory]
    [InlineData("/v1/chat/completions", """{"model": "home", "messages": [{"role": "user", "content": "Hello!"}]}""")]
    [InlineData("/v1/responses", """{"model": "home", "input": "Hello!", "stream": true}""")]
    [InlineData("/v1/completions", """{"model": "home", "prompt": "Turn", "max_tokens": 3}""")]
    public async Task Spans_OfARequest_AreOfTheCallersTrace(string path, string body)
    {
        var trace = ActivityTraceId.CreateRandom();
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is SlipwayTelemetry.ActivitySourceName or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.TraceId == trace)
                {
                    spans.Enqueue(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var server = await TestServer.StartAsync(models => models.AddModel(TestServer.Assistant, "home"));
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
            },
        };
        var caller = ActivitySpanId.CreateRandom();
        request.Headers.Add("traceparent", $"00-{trace}-{caller}-01");
        using (var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken))
        {
            _ = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(response.IsSuccessStatusCode);
        }

        await server.StopAsync();
        var http = Assert.Single(spans, span => span.Source.Name == "Microsoft.AspNetCore");
        Assert.Equal(caller, http.ParentSpanId);
        var engine = Assert.Single(spans, span => span.DisplayName == "text_completion int4");
        Assert.Equal("text_completion", engine.GetTagItem("gen_ai.operation.name"));
        Assert.Equal("int4", engine.GetTagItem("gen_ai.request.model"));
        Assert.True((long)Convert.ChangeType(
            engine.GetTagItem("gen_ai.usage.output_tokens")!, typeof(long),
            System.Globalization.CultureInfo.InvariantCulture) > 0);
        if (path == "/v1/completions")
        {
            Assert.Equal(http.SpanId, engine.ParentSpanId);
            return;
        }

        var chat = Assert.Single(spans, span => span.DisplayName == "chat home");
        Assert.Equal((http.SpanId, chat.SpanId), (chat.ParentSpanId, engine.ParentSpanId));
        Assert.NotNull(chat.GetTagItem("gen_ai.usage.input_tokens"));
    }

    [Fact]
    public async Task Logs_OfAnyLevel_HoldNoPrompt()
    {
        await using var server = await TestServer.StartAsync(models => models
            .AddModel(TestServer.Assistant, "home", options => options.IdleTimeout = TimeSpan.FromSeconds(1))
            .AddChatClient("broken", _ => new FakeChatClient((_, _, _) => FailAsync()))
            .AddEmbeddingGenerator("numbers", _ => new FakeEmbeddings()));
        (string Path, string Body)[] requests =
        [
            ("/v1/chat/completions", Chat("home")), ("/v1/chat/completions", Chat("broken")),
            ("/v1/chat/completions", Chat("home", """, "stream": true, "logprobs": true""")),
            ("/v1/chat/completions", Chat("home", """, "temperature": "xyzzy" """)),
            ("/v1/chat/completions", Chat("xyzzy")), ("/v1/chat/completions", Chat("home:xyzzy")),
            ("/v1/chat/completions", Chat("home", """, "guided_regex": "xyzzy(" """)),
            ("/v1/chat/completions", "{\"xyzzy"), ("/v1/chat/completions", "{\"xyzzy\": 1}"),
            ("/v1/completions", """{"model": "home", "prompt": "xyzzy", "max_tokens": 3, "echo": true}"""),
            ("/v1/completions", """{"model": "home", "prompt": ["xyzzy", 1]}"""),
            ("/v1/responses", """{"model": "home", "input": "xyzzy", "instructions": "xyzzy"}"""),
            ("/v1/responses", """{"model": "broken", "input": "xyzzy", "stream": true}"""),
            ("/v1/embeddings", """{"model": "numbers", "input": "xyzzy"}"""),
            ("/v1/rerank", """{"model": "home", "query": "xyzzy", "documents": ["xyzzy"]}"""),
            ("/v1/tokenize", """{"model": "home", "prompt": "xyzzy"}"""),
            ("/v1/completions",
                $$"""{"model": "home", "prompt": "{{string.Concat(Enumerable.Repeat("xyzzy ", 3000))}}"}"""),
        ];
        foreach (var (path, body) in requests)
        {
            await server.PostAsync(path, body);
        }

        await server.StopAsync();
        Assert.Contains(server.Log.Lines, line => line.StartsWith("Trace: ", StringComparison.Ordinal));
        Assert.Contains(server.Log.Lines, line => line.StartsWith("Error: ", StringComparison.Ordinal));
        Assert.DoesNotContain(server.Log.Lines, line => line.Contains(Secret, StringComparison.OrdinalIgnoreCase));

        static string Chat(string model, string more = "")
            => $$"""{"model": "{{model}}", "messages": [{"role": "user", "content": "xyzzy"}]{{more}}}""";
    }

    private static async IAsyncEnumerable<ChatResponseUpdate> FailAsync()
    {
        await Task.Yield();
        yield return new ChatResponseUpdate(ChatRole.Assistant, "well");
        throw new InvalidOperationException("out of luck");
    }
}
