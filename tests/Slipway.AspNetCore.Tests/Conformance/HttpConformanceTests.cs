using System.ClientModel;
using System.ClientModel.Primitives;
using Microsoft.Extensions.AI;
using OpenAI;
using Slipway.Testing.Conformance;

namespace Slipway.AspNetCore.Tests.Conformance;

/// <summary>Runs clients over HTTP through the contract, so that it holds for the server too.</summary>
/// <remarks>
/// Where a wire form, or the client that writes it, cannot carry a line of the contract, its test is overridden: it
/// asserts what comes instead, and its comment says why.
/// </remarks>
/// <param name="fixture">The server.</param>
public abstract class HttpConformanceTests(ConformanceServer fixture) : ChatClientConformanceTests,
    IClassFixture<ConformanceServer>, IDisposable
{
    private IChatClient? _client;

    protected override IChatClient Client => _client ??= NewClient(fixture.Server.Address);

    protected override ChatCapabilities Capabilities
        => ChatCapabilities.RepeatableAnswers | ChatCapabilities.Sampling | ChatCapabilities.Tools
            | ChatCapabilities.StructuredOutput;

    protected override string? OverlongPrompt => string.Join(' ', Enumerable.Repeat("light", 2_000));

    public void Dispose()
    {
        _client?.Dispose();
        GC.SuppressFinalize(this);
    }

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    protected abstract IChatClient NewClient(Uri address);

    protected Task<ChatResponse> AskAsync(ChatOptions? options = null)
        => Client.GetResponseAsync(Prompt, options ?? Greedy(), Token);

    protected async Task<List<ChatResponseUpdate>> StreamAsync()
    {
        List<ChatResponseUpdate> updates = [];
        await foreach (var update in Client.GetStreamingResponseAsync(Prompt, Greedy(), Token))
        {
            updates.Add(update);
        }

        return updates;
    }

    /// <summary>Asserts that results of a call cost the same tokens.</summary>
    protected async Task AssertResultsAsync(params (object? Left, object? Right)[] pairs)
    {
        foreach (var (left, right) in pairs)
        {
            Assert.Equal(await TokensAsync(left), await TokensAsync(right));
        }

        Assert.NotEqual(await TokensAsync("short"), await TokensAsync("a result that is longer"));

        async Task<long?> TokensAsync(object? result) => (await Client.GetResponseAsync(
            [
                new(ChatRole.User, Prompt),
                new(ChatRole.Assistant, [new FunctionCallContent("call00001", "f", new Dictionary<string, object?>())]),
                new(ChatRole.Tool, [new FunctionResultContent("call00001", result)]),
            ],
            Greedy(), Token)).Usage?.InputTokenCount;
    }

    protected ChatOptions Greedy()
    {
        var options = NewOptions();
        options.Temperature = 0;
        return options;
    }

    protected static OpenAIClient OpenAI(Uri address) => new(
        new ApiKeyCredential("none"),
        new OpenAIClientOptions
        {
            Endpoint = new Uri(address, "/v1"), RetryPolicy = new ClientRetryPolicy(0),
        });
}

/// <summary>Serves the repository's model to the tests of a class.</summary>
public sealed class ConformanceServer : IAsyncLifetime
{
    internal TestServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync()
        => Server = await TestServer.StartAsync(models => models.AddModel(TestServer.Assistant, "assistant"));

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
