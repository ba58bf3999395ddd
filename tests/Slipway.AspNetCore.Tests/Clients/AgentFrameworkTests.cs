using System.ClientModel;
using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;
using OpenAI;

namespace Slipway.AspNetCore.Tests.Clients;

/// <summary>Runs agents of Microsoft's Agent Framework over the endpoints.</summary>
public sealed class AgentFrameworkTests : IAsyncLifetime
{
    private const string Request = "turn on the kitchen light";
    private readonly List<string> _switched = [];
    private TestServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
        => _server = await TestServer.StartAsync(models => models.AddModel(TestServer.Assistant, "assistant"));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Agent_WithATool_RunsItAndTellsItsResult(bool responses, bool streaming)
    {
        AIAgent agent = Client(responses).AsAIAgent(name: "home", tools: [Light()]);
        var response = streaming
            ? await agent.RunStreamingAsync(Request, cancellationToken: Token).ToAgentResponseAsync(Token)
            : await agent.RunAsync(Request, cancellationToken: Token);
        Assert.Equal(["kitchen True"], _switched);
        Assert.Equal("The light in the kitchen is on.", response.Messages[^1].Text);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Session_OfAnAgent_KeepsTheConversation(bool responses)
    {
        AIAgent agent = Client(responses).AsAIAgent(instructions: "Be brief.");
        var session = await agent.CreateSessionAsync(Token);
        var first = await agent.RunAsync("Hello!", session, cancellationToken: Token);
        var second = await agent.RunAsync("Thank you!", session, cancellationToken: Token);
        Assert.NotEmpty(second.Text);
        Assert.True(second.Usage!.InputTokenCount > first.Usage!.TotalTokenCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Answer_OfAType_IsOne(bool responses)
    {
        AIAgent agent = Client(responses).AsAIAgent();
        var response = await agent.RunAsync<Lamp>(Request, cancellationToken: Token);
        Assert.Contains(response.Result.Color, Enum.GetValues<LampColor>());
    }

#pragma warning disable OPENAI001 // The client's types of responses may still change.
    private IChatClient Client(bool responses)
    {
        var client = new OpenAIClient(
            new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(_server.Address, "/v1") });
        return responses
            ? client.GetResponsesClient().AsIChatClient("assistant")
            : client.GetChatClient("assistant").AsIChatClient();
    }
#pragma warning restore OPENAI001

    private AIFunction Light() => AIFunctionFactory.Create(
        (string room, bool on) =>
        {
            _switched.Add($"{room} {on}");
            return "ok";
        },
        "set_light", "Switches a light.");

    private sealed record Lamp(bool On, LampColor Color);

    private enum LampColor
    {
        White,
        Red,
    }
}
