using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Slipway.AspNetCore.Tests.Hosting;

public sealed class ServerTests
{
    private const string Path = "/v1/chat/completions";
    private const string Body = """{"model": "fake", "messages": [{"role": "user", "content": "my secret"}]}""";
    private const string Streamed =
        """{"model": "fake", "stream": true, "messages": [{"role": "user", "content": "my secret"}]}""";

    [Theory]
    [InlineData(null, "missing_api_key")]
    [InlineData("", "missing_api_key")]
    [InlineData("other", "invalid_api_key")]
    [InlineData("secre", "invalid_api_key")]
    [InlineData("secret2", "invalid_api_key")]
    public async Task Key_MissingOrOther_IsRefused(string? key, string code)
    {
        await using var server = await StartAsync(options => options.ApiKeys = ["secret", "second"]);
        var answer = await server.PostAsync(Path, Body, key);
        Assert.Equal((401, null, code), answer.Error);
        Assert.Equal("invalid_request_error", (string?)answer.Json["error"]!["type"]);
        Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.ToString());
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync(Path, Body, "secret")).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync(Path, Body, "second")).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health/live")).Status);
    }

    [Fact]
    public async Task Minute_MoreRequests_AreToldWhenToComeAgain()
    {
        await using var server = await StartAsync(options =>
        {
            options.ApiKeys = ["a", "b"];
            options.RequestsPerMinute = 2;
        });
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync(Path, Body, "a")).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync(Path, Body, "a")).Status);
        var refused = await server.PostAsync(Path, Body, "a");
        Assert.Equal((429, null, "rate_limit_exceeded"), refused.Error);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync(Path, Body, "b")).Status);
    }

    [Fact]
    public async Task Concurrent_MoreRequests_AreRefusedWhileTheyRun()
    {
        var client = new HeldClient();
        await using var server = await StartAsync(options => options.ConcurrentRequests = 1, client);
        var first = server.PostAsync(Path, Body);
        await client.Begun.Task.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal((429, null, "rate_limit_exceeded"), (await server.PostAsync(Path, Body)).Error);
        client.Release.SetResult();
        Assert.Equal(HttpStatusCode.OK, (await first).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync(Path, Body)).Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Body_TooLarge_IsRefusedBeforeItIsRead(bool tellsLength)
    {
        await using var server = await StartAsync(options => options.MaxRequestBytes = 1000);
        using var content = new StringContent(Body + new string(' ', 2000), Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = content };
        request.Headers.TransferEncodingChunked = !tellsLength;
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task Body_OfAnotherType_IsRefused()
    {
        await using var server = await StartAsync();
        using var content = new StringContent(Body, Encoding.UTF8, MediaTypeHeaderValue.Parse("text/plain"));
        using var response = await server.Http.PostAsync(Path, content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
    }

    [Fact]
    public async Task Time_Over_EndsTheRequestAndSaysSo()
    {
        var client = new HeldClient();
        await using var server = await StartAsync(
            options => options.RequestTimeout = TimeSpan.FromMilliseconds(200), client);
        Assert.Equal((504, null, "timeout"), (await server.PostAsync(Path, Body)).Error);
        await client.Cancelled.Task.WaitAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(Body)]
    [InlineData(Streamed)]
    public async Task Client_Leaves_EndsTheAnswer(string body)
    {
        var client = new HeldClient();
        await using var server = await StartAsync(null, client);
        using var leaving = new CancellationTokenSource();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        var request = server.Http.PostAsync(Path, content, leaving.Token);
        await client.Begun.Task.WaitAsync(TestContext.Current.CancellationToken);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        await client.Cancelled.Task.WaitAsync(TestContext.Current.CancellationToken);
        await server.StopAsync();
        Assert.DoesNotContain(server.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stop_WhileStreaming_LetsTheStreamEndAndNewRequestsGo()
    {
        var client = new HeldClient();
        await using var server = await StartAsync(null, client);
        var running = server.PostAsync(Path, Streamed);
        await client.Begun.Task.WaitAsync(TestContext.Current.CancellationToken);

        // The listener is still there, as between a signal and the end of what runs.
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health/ready")).Status);
        server.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await server.GetAsync("/health/ready")).Status);
        var late = await server.PostAsync(Path, Body);
        Assert.Equal((503, null, "stopping"), late.Error);
        client.Release.SetResult();
        Assert.Equal("done", string.Concat((await running).Events.Select(
            one => (string?)one["choices"]![0]!["delta"]!["content"])));
        await server.StopAsync();
    }

    [Theory]
    [InlineData(Body, false)]
    [InlineData(Streamed, true)]
    public async Task Failure_InTheModel_IsLoggedAndNotTold(string body, bool streams)
    {
        var client = new FakeChatClient((_, _, _) => FailingAsync(streams));
        await using var server = await StartAsync(null, client);
        var answer = await server.PostAsync(Path, body);
        Assert.Contains("internal_error", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("out of luck", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("[DONE]", answer.Text, StringComparison.Ordinal);
        Assert.Equal(streams ? HttpStatusCode.OK : HttpStatusCode.InternalServerError, answer.Status);
        Assert.Contains(server.Log.Lines, line => line.Contains("out of luck", StringComparison.Ordinal));
        Assert.DoesNotContain(server.Log.Lines, line => line.Contains("my secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Queue_Full_IsToldWhenToComeAgain()
    {
        var client = new FakeChatClient((_, _, _) => throw new QueueFullException("256 requests wait."));
        await using var server = await StartAsync(null, client);
        var answer = await server.PostAsync(Path, Streamed);
        Assert.Equal((429, null, "queue_full"), answer.Error);
        Assert.NotNull(answer.Headers.RetryAfter);
    }

    [Fact]
    public async Task NoModels_ServesTheApplicationsOwn()
    {
        await using var server = await TestServer.StartAsync(
            _ => { },
            services: services =>
            {
                services.AddChatClient(_ => FakeChatClient.Saying(new TextContent("own")));
                services.AddEmbeddingGenerator(_ => new FakeEmbeddings());
            });
        Assert.Equal(
            ["default", "embeddings"], (await server.GetAsync("/v1/models")).Json["data"]!.AsArray().Select(
                model => (string?)model!["id"]));
        var answer = await server.PostAsync(Path, Body.Replace("fake", "default", StringComparison.Ordinal));
        Assert.Equal("own", (string?)answer.Json["choices"]![0]!["message"]!["content"]);
        Assert.Equal("default", (string?)(await server.GetAsync("/v1/models/default")).Json["id"]);
        Assert.Equal((404, "model", "model_not_found"), (await server.GetAsync("/v1/models/other")).Error);
    }

    [Fact]
    public async Task Models_OfOneNameOrNone_StopTheServer()
    {
        var twice = await Assert.ThrowsAsync<InvalidOperationException>(() => TestServer.StartAsync(
            models => models.AddChatClient("a", _ => null!).AddChatClient("a", _ => null!)));
        Assert.StartsWith("Two models are called 'a'.", twice.Message, StringComparison.Ordinal);
        var none = await Assert.ThrowsAsync<InvalidOperationException>(() => TestServer.StartAsync(_ => { }));
        Assert.StartsWith("There is no model to serve.", none.Message, StringComparison.Ordinal);
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => TestServer.StartAsync(
            models => models.AddChatClient("a", _ => null!), options =>
            {
                options.RequestsPerMinute = 0;
                options.ApiKeys = [" "];
            }));
        Assert.Equal(2, error.Failures.Count());
    }

    [Fact]
    public void Map_WithoutServices_SaysWhatToCall()
    {
        var app = WebApplication.CreateSlimBuilder().Build();
        Assert.StartsWith(
            "The services lack those of the endpoints.",
            Assert.Throws<InvalidOperationException>(() => app.MapOpenAI()).Message, StringComparison.Ordinal);
    }

    private static Task<TestServer> StartAsync(
        Action<OpenAIServerOptions>? configure = null, IChatClient? client = null) => TestServer.StartAsync(
            models => models.AddChatClient("fake", _ => client ?? FakeChatClient.Saying(new TextContent("ok"))),
            configure);

    private static async IAsyncEnumerable<ChatResponseUpdate> FailingAsync(bool saysSomething)
    {
        await Task.Yield();
        if (saysSomething)
        {
            yield return new ChatResponseUpdate(ChatRole.Assistant, "well");
        }

        throw new InvalidOperationException("out of luck");
    }

    /// <summary>Answers when it is let.</summary>
    private sealed class HeldClient : IChatClient
    {
        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<ChatResponse> GetResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            CancellationToken cancellationToken = default)
            => GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

        public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            Begun.TrySetResult();
            try
            {
                await Release.Task.WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException)
            {
                Cancelled.TrySetResult();
                throw;
            }

            yield return new ChatResponseUpdate(ChatRole.Assistant, "done");
        }

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}
