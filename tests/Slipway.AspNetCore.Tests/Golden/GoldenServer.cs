using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace Slipway.AspNetCore.Tests.Golden;

/// <summary>Serves a model of the repository's, and a client whose answers the last message chooses.</summary>
public sealed class GoldenServer : IAsyncLifetime
{
    private static readonly UsageContent Usage = new(new()
    {
        InputTokenCount = 3, OutputTokenCount = 4, TotalTokenCount = 7, CachedInputTokenCount = 1,
        ReasoningTokenCount = 1,
    });

    // The last message: what is answered.
    private static readonly Dictionary<string, AIContent[]> Answers = new(StringComparer.Ordinal)
    {
        ["text"] = [new TextContent("Good "), new TextContent("day")],
        ["think"] = [new TextReasoningContent("Hm."), new TextContent("Good day")],
        ["call"] =
        [
            new FunctionCallContent("call_1", "set_light", new Dictionary<string, object?> { ["room"] = "Küche" }),
        ],
    };

    // The files of the page are none of an API.
    private static readonly string[] Prefixes = ["v1/", "api/", "health"];

    internal TestServer Server { get; private set; } = null!;

    /// <summary>Requests of every endpoint, as patterns of their method and path.</summary>
    internal IEnumerable<Regex> Endpoints => Server.Services.GetRequiredService<EndpointDataSource>().Endpoints
        .OfType<RouteEndpoint>()
        .Where(endpoint => !endpoint.RoutePattern.RawText!.Contains("{**path}", StringComparison.Ordinal))
        .Where(endpoint => Array.Exists(Prefixes, prefix => endpoint.RoutePattern.RawText!.Trim('/').StartsWith(
            prefix, StringComparison.Ordinal)))
        .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]).Select(
            method => new Regex(
                $"^{method} /{Regex.Replace(endpoint.RoutePattern.RawText!.Trim('/'), @"\{[^/]*\}", "[^ ]+")}$")));

    public async ValueTask InitializeAsync() => Server = await TestServer.StartAsync(models => models
        .AddModel(TestServer.Assistant, "assistant")
        .AddChatClient("fake", _ => new FakeChatClient((messages, _, _) => Answer(messages[^1].Text)))
        .AddEmbeddingGenerator("numbers", _ => new FakeEmbeddings()));

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    private static async IAsyncEnumerable<ChatResponseUpdate> Answer(string message)
    {
        var isCut = message == "cut";
        await foreach (var update in FakeChatClient.Updates([.. Answers[isCut ? "text" : message], Usage]))
        {
            update.FinishReason = isCut && update.Contents[0] is UsageContent ? ChatFinishReason.Length : null;
            yield return update;
        }
    }
}
