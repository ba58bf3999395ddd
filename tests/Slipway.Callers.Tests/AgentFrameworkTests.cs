using Microsoft.Agents.AI;

namespace Slipway.Callers.Tests;

/// <summary>Runs agents of Microsoft's Agent Framework on the client.</summary>
public sealed class AgentFrameworkTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Agent_WithATool_RunsItAndTellsItsResult(bool streaming)
    {
        var home = new Home();
        AIAgent agent = DeviceAssistant.Client.AsAIAgent(name: "home", tools: [home.SetLight]);

        var response = streaming
            ? await agent.RunStreamingAsync(Home.Request, cancellationToken: Token).ToAgentResponseAsync(Token)
            : await agent.RunAsync(Home.Request, cancellationToken: Token);

        Assert.Equal(["kitchen True"], home.Switched);
        Assert.Equal("The light in the kitchen is on.", response.Messages[^1].Text);
    }

    [Fact]
    public async Task Session_OfAnAgent_SendsTheWholeConversation()
    {
        AIAgent agent = DeviceAssistant.Client.AsAIAgent(instructions: "Be brief.");
        var session = await agent.CreateSessionAsync(Token);

        var first = await agent.RunAsync("Hello!", session, cancellationToken: Token);
        var second = await agent.RunAsync("Thank you!", session, cancellationToken: Token);

        Assert.NotEmpty(second.Text);
        Assert.True(second.Usage!.InputTokenCount > first.Usage!.TotalTokenCount);
        Assert.True(second.Usage.CachedInputTokenCount > 0);
    }

    [Fact]
    public async Task Answer_OfAType_IsOne()
    {
        AIAgent agent = DeviceAssistant.Client.AsAIAgent();

        var response = await agent.RunAsync<Lamp>(Home.Request, cancellationToken: Token);

        Assert.Contains(response.Result.Color, Enum.GetValues<LampColor>());
        Assert.Matches("^\\{.*\\}$", response.Text.ReplaceLineEndings(""));
    }

    [Fact]
    public async Task Agent_AsAToolOfAnother_IsAsked()
    {
        List<string> asked = [];
        AIAgent expert = DeviceAssistant.Client.AsBuilder()
            .Use(async (messages, options, next, cancellationToken) =>
            {
                asked.AddRange(messages.Select(message => message.Role.Value));
                await next(messages, options, cancellationToken);
            })
            .Build().AsAIAgent(name: "ask_expert", description: "Asks the expert.");
        var client = DeviceAssistant.Client.AsBuilder().UseFunctionInvocation().Build();

        var response = await client.GetResponseAsync(
            "Ask the expert.",
            new() { Tools = [expert.AsAIFunction()], ToolMode = ChatToolMode.RequireAny, MaxOutputTokens = 100 },
            Token);

        var contents = response.Messages.SelectMany(message => message.Contents).ToList();
        Assert.Equal("ask_expert", contents.OfType<FunctionCallContent>().First().Name);
        Assert.Equal("user", asked[0]);
        Assert.NotEmpty($"{contents.OfType<FunctionResultContent>().First().Result}");
    }

    private sealed record Lamp(bool On, LampColor Color);

    private enum LampColor
    {
        White,
        Red,
    }
}
