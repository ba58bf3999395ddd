using System.ClientModel;
using System.ClientModel.Primitives;
using Microsoft.Extensions.AI;
using OpenAI;
using ChatMessage = OpenAI.Chat.ChatMessage;

namespace Slipway.AspNetCore.Tests.Clients;

/// <summary>OpenAI's own client for .NET against a server that is busy or slow; and answers of a type.</summary>
public sealed class OpenAIClientLimitsTests : IAsyncLifetime
{
    private readonly HeldClients _held = new();
    private TestServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(
        models => models.AddModel(TestServer.Assistant, "assistant").AddChatClient("held", _ => _held.Held),
        options => options.ConcurrentRequests = 1);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Busy_Server_IsTriedAgainAfterTheTimeThatItSays()
    {
        await using var held = Client(0).GetChatClient("held").CompleteChatStreamingAsync(
            [ChatMessage.CreateUserMessage("x")], null, Token).GetAsyncEnumerator(Token);
        Assert.True(await held.MoveNextAsync());

        var refused = await Assert.ThrowsAsync<ClientResultException>(() => AskAsync(Client(0)));
        Assert.Equal(429, refused.Status);
        Assert.True(refused.GetRawResponse()!.Headers.TryGetValue("Retry-After", out var after));
        Assert.Equal("1", after);

        var retried = AskAsync(Client(20));
        while (await held.MoveNextAsync())
        {
        }

        Assert.Equal("Hello! What can I do for you?", await retried);
    }

    [Fact]
    public async Task Slow_Server_IsLeftAndStops()
    {
        var client = Client(0, TimeSpan.FromMilliseconds(200)).GetChatClient("held");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => client.CompleteChatAsync([ChatMessage.CreateUserMessage("x")], null, Token));
        using var time = CancellationTokenSource.CreateLinkedTokenSource(Token);
        time.CancelAfter(TimeSpan.FromSeconds(10));
        while (_held.Cancelled == 0)
        {
            await Task.Delay(10, time.Token);
        }
    }

#pragma warning disable OPENAI001 // The client's types of responses may still change.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Answer_OfAType_IsOne(bool responses)
    {
        using var client = responses
            ? Client(0).GetResponsesClient().AsIChatClient("assistant")
            : Client(0).GetChatClient("assistant").AsIChatClient();
        var answer = await client.GetResponseAsync<Lamp>("turn on the kitchen light", cancellationToken: Token);
        Assert.True(answer.TryGetResult(out var lamp), answer.Text);
        Assert.Contains(lamp.Color, Enum.GetValues<LampColor>());
    }
#pragma warning restore OPENAI001

    private static async Task<string> AskAsync(OpenAIClient client)
    {
        var answer = await client.GetChatClient("assistant").CompleteChatAsync(
            [ChatMessage.CreateUserMessage("Hello!")], null, Token);
        return answer.Value.Content[0].Text;
    }

    private OpenAIClient Client(int retries, TimeSpan? timeout = null) => new(
        new ApiKeyCredential("none"),
        new OpenAIClientOptions
        {
            Endpoint = new Uri(_server.Address, "/v1"), RetryPolicy = new ClientRetryPolicy(retries),
            NetworkTimeout = timeout,
        });

    private sealed record Lamp(bool On, LampColor Color);

    private enum LampColor
    {
        White,
        Red,
    }
}
