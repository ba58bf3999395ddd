using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Slipway.Gateway.Tests;

/// <summary>Holds the gateway to what becomes of requests whose replica fails.</summary>
public sealed class FailoverTests
{
    private const string Stream = "text/event-stream";

    [Theory]
    [InlineData("dies")]
    [InlineData("stops")]
    [InlineData("is full")]
    [InlineData("dies after its headers")]
    public async Task Request_WhoseReplicaFailsBeforeItAnswers_IsAnsweredByAnother(string what)
    {
        var failure = what switch
        {
            "dies" => StubReplica.Dies,
            "stops" => StubReplica.Says("stopping", 503),
            "is full" => StubReplica.Says("full", 429),
            _ => async (context, _) =>
            {
                context.Response.ContentType = Stream;
                await context.Response.StartAsync();
                context.Abort();
            },
        };
        await using var gateway = await TestGateway.StartAsync(
            3, index => index < 2 ? failure : StubReplica.Says("ok"));
        for (var i = 0; i < 8; i++)
        {
            // Longer than what stays in memory.
            var body = TestGateway.Chat($"{i}", new string('x', 2 << 20));
            Assert.Equal((HttpStatusCode.OK, "ok"), await gateway.PostAsync(body));
            Assert.Contains(body, gateway.Replicas[2].Bodies);
        }
    }

    [Fact]
    public async Task Requests_WhileAReplicaIsKilled_AreAllAnswered()
    {
        await using var gateway = await TestGateway.StartAsync(
            3, _ => async (context, _) =>
            {
                await Task.Delay(20, context.RequestAborted);
                await context.Response.WriteAsync("ok");
            });
        var running = Enumerable.Range(0, 90).Select(index => gateway.PostAsync(TestGateway.Chat($"{index}"))).ToList();
        gateway.Replicas[1].Answer = StubReplica.Dies;
        running.AddRange(
            Enumerable.Range(100, 90).Select(index => gateway.PostAsync(TestGateway.Chat($"{index}"))));
        Assert.All(await Task.WhenAll(running), answer => Assert.Equal((HttpStatusCode.OK, "ok"), answer));
    }

    [Theory]
    [InlineData("/v1/chat/completions", "data: {\"a\":1}\n\ndata: {\"b\"", "\n\n", "data: {\"error\":{")]
    [InlineData("/v1/chat/completions", "data: {\"a\":1}\r\n\r\ndata: {\"b\"", "\r\n\r\n", "data: {\"error\":{")]
    [InlineData("/v1/responses", "event: a\ndata: {\"a\":1}\n\nevent: b\nda", "\n\n", "event: error\ndata: {")]
    [InlineData("/api/chat", "{\"a\":1}\n{\"b\"", "\n", "{\"error\":\"The replica that answered has gone")]
    public async Task Stream_ThatBreaksOff_EndsWithWholeEventsAndAnError(
        string path, string sent, string delimiter, string error)
    {
        await using var gateway = await TestGateway.StartAsync(2, _ => async (context, _) =>
        {
            context.Response.ContentType = path.StartsWith("/api", StringComparison.Ordinal)
                ? "application/x-ndjson" : Stream;
            await context.Response.WriteAsync(sent);
            await context.Response.Body.FlushAsync();
            await Task.Delay(100);
            context.Abort();
        });
        var answer = await gateway.PostAsync(TestGateway.Chat("a"), path);
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        var first = sent[..(sent.IndexOf(delimiter, StringComparison.Ordinal) + delimiter.Length)];
        Assert.StartsWith(first + error, answer.Text, StringComparison.Ordinal);
        var json = JsonNode.Parse(answer.Text[first.Length..].Split("data: ")[^1])!;
        Assert.Equal(path == "/v1/responses" ? 1 : null, (int?)json["sequence_number"]);
        Assert.Single(gateway.Replicas.SelectMany(replica => replica.Bodies));
    }

    [Fact]
    public async Task Stream_ThatIsWhole_IsForwardedAsItComes()
    {
        var next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await TestGateway.StartAsync(1, _ => async (context, _) =>
        {
            context.Response.ContentType = Stream;
            await context.Response.WriteAsync("data: 1\n\n");
            await context.Response.Body.FlushAsync();
            await next.Task;
            await context.Response.WriteAsync("data: 2\n\ndata: [DONE]\n\n");
        });
        using var content = new StringContent(TestGateway.Chat("a"), Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = content };
        using var response = await gateway.Http.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        var buffer = new byte[64];
        var count = await body.ReadAsync(buffer, TestContext.Current.CancellationToken);
        Assert.Equal("data: 1\n\n", Encoding.UTF8.GetString(buffer, 0, count));
        next.SetResult();
        using var reader = new StreamReader(body);
        Assert.Equal(
            "data: 2\n\ndata: [DONE]\n\n", await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Stream_OfASilentReplica_EndsAfterTheTimeout()
    {
        await using var gateway = await TestGateway.StartAsync(
            1,
            _ => async (context, _) =>
            {
                context.Response.ContentType = Stream;
                await context.Response.WriteAsync("data: 1\n\n");
                await context.Response.Body.FlushAsync();
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            },
            options => options.ActivityTimeout = TimeSpan.FromMilliseconds(200));
        var answer = await gateway.PostAsync(TestGateway.Chat("a"));
        Assert.StartsWith("data: 1\n\ndata: {\"error\":{", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_ThatLeaves_IsKnownToTheReplica()
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await TestGateway.StartAsync(1, _ => async (context, _) =>
        {
            context.RequestAborted.Register(gone.SetResult);
            context.Response.ContentType = Stream;
            await context.Response.WriteAsync("data: 1\n\n");
            await context.Response.Body.FlushAsync();
            await gone.Task;
        });
        using var content = new StringContent(TestGateway.Chat("a"), Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = content };
        var response = await gateway.Http.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        response.Dispose();
        await gone.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Request_ThatNoReplicaTakes_IsToldWhenToComeAgain()
    {
        await using var gateway = await TestGateway.StartAsync(2, _ => StubReplica.Dies);
        using var content = new StringContent(TestGateway.Chat("a"), Encoding.UTF8, "application/json");
        using var response = await gateway.Http.PostAsync(
            new Uri("/v1/chat/completions", UriKind.Relative), content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        var error = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal("no_replica", (string?)error["error"]!["code"]);
        Assert.Equal(2, gateway.Replicas.Sum(replica => replica.Bodies.Count));
    }

    [Fact]
    public async Task Refusal_OfAllReplicas_IsTheLastOnes()
    {
        await using var gateway = await TestGateway.StartAsync(2, _ => StubReplica.Says("queue_full", 429));
        Assert.Equal((HttpStatusCode.TooManyRequests, "queue_full"), await gateway.PostAsync(TestGateway.Chat("a")));
        Assert.Equal(2, gateway.Replicas.Sum(replica => replica.Bodies.Count));
    }

    [Fact]
    public async Task Refusal_ForWhatTheRequestSays_IsNotGivenOn()
    {
        await using var gateway = await TestGateway.StartAsync(2, _ => StubReplica.Says("no", 400));
        Assert.Equal((HttpStatusCode.BadRequest, "no"), await gateway.PostAsync(TestGateway.Chat("a")));
        Assert.Equal((HttpStatusCode.BadRequest, "no"), await gateway.PostAsync("{broken"));
        Assert.Equal((HttpStatusCode.BadRequest, "no"), await gateway.PostAsync("\"\\ud800\""));
        Assert.Equal(3, gateway.Replicas.Sum(replica => replica.Bodies.Count));
    }

    [Fact]
    public async Task Response_ThatOneReplicaKeeps_IsFound()
    {
        await using var gateway = await TestGateway.StartAsync(3, index => index == 1
            ? StubReplica.Says("kept")
            : (context, body) => StubReplica.Says("not found", body.Length > 0 ? 400 : 404)(context, body));
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal("kept", (await gateway.PostAsync(
                $$"""{"model": "m", "input": "{{i}}", "previous_response_id": "resp_1"}""", "/v1/responses")).Text);
            Assert.Equal("kept", await gateway.Http.GetStringAsync(
                new Uri("/v1/responses/resp_1", UriKind.Relative), TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task Body_ThatIsTooLarge_IsRefused()
    {
        await using var gateway = await TestGateway.StartAsync(
            1, configure: options => options.MaxRequestBytes = 1_000);
        var answer = await gateway.PostAsync(TestGateway.Chat(new string('x', 1_000)));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.Status);
        Assert.StartsWith(
            "The body is larger than '1000' bytes", (string?)JsonNode.Parse(answer.Text)!["error"]!["message"],
            StringComparison.Ordinal);
        Assert.Empty(gateway.Replicas[0].Bodies);
    }

    [Fact]
    public async Task Options_ThatAreWrong_StopTheGateway()
    {
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => TestGateway.StartAsync(
            1, configure: options =>
            {
                options.Replicas = ["http://a:1", "http://a:1/", "nowhere"];
                options.MaxLoadDifference = -1;
                options.HealthPath = "ready";
                options.HealthInterval = TimeSpan.Zero;
                options.ActivityTimeout = TimeSpan.Zero;
                options.MaxRequestBytes = 0;
            }));
        Assert.Equal(7, error.Failures.Count());
        Assert.Contains(
            "'nowhere' in Replicas is no address; expected one such as 'http://10.0.0.1:8080'.", error.Failures);
    }
}
