using ModelContextProtocol.Client;
using Slipway.Testing;

namespace Slipway.Callers.Tests;

/// <summary>Offers the tools of a server of the Model Context Protocol, a process of its own.</summary>
public sealed class ModelContextProtocolTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tools_OfAServer_RunInItsProcess(bool streaming)
    {
        await using var server = await McpClient.CreateAsync(
            new StdioClientTransport(new() { Command = "dotnet", Arguments = [Child] }), cancellationToken: Token);
        var tools = await server.ListToolsAsync(cancellationToken: Token);
        var client = DeviceAssistant.Client.AsBuilder().UseFunctionInvocation().Build();
        var options = new ChatOptions { Tools = [.. tools], Temperature = 0 };

        var response = streaming
            ? await client.GetStreamingResponseAsync(Home.Request, options, Token).ToChatResponseAsync(Token)
            : await client.GetResponseAsync(Home.Request, options, Token);

        Assert.Equal("set_light", Assert.Single(tools).Name);
        var result = response.Messages.SelectMany(message => message.Contents).OfType<FunctionResultContent>().Single();
        Assert.Contains("The light in the kitchen is on.", Text(result), StringComparison.Ordinal);
        Assert.Equal("The light in the kitchen is on.", response.Messages[^1].Text);
    }

    private static string Child
    {
        get
        {
            var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
            return Path.Combine(
                SharedAssets.Repository, "artifacts", "bin", "Slipway.Callers.Child", configuration,
                "Slipway.Callers.Child.dll");
        }
    }

    private static string Text(FunctionResultContent result) => result.Result switch
    {
        IEnumerable<AIContent> contents => string.Concat(contents.OfType<TextContent>().Select(text => text.Text)),
        TextContent text => text.Text,
        var other => $"{other}",
    };
}
