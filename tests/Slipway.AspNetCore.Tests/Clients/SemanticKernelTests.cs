using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;
using Microsoft.SemanticKernel.Connectors.OpenAI;

namespace Slipway.AspNetCore.Tests.Clients;

/// <summary>Runs Semantic Kernel's connector to OpenAI against the server.</summary>
public sealed class SemanticKernelTests : IAsyncLifetime
{
    private TestServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
        => _server = await TestServer.StartAsync(models => models.AddModel(TestServer.Assistant, "assistant"));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Kernel_WithAFunction_RunsItAndTellsItsResult(bool streaming)
    {
        List<string> switched = [];
        var kernel = Kernel.CreateBuilder()
            .AddOpenAIChatCompletion("assistant", new Uri(_server.Address, "/v1"), "none").Build();
        kernel.Plugins.AddFromFunctions("home", [KernelFunctionFactory.CreateFromMethod(
            (string room, bool on) =>
            {
                switched.Add($"{room} {on}");
                return "ok";
            },
            "set_light", "Switches a light.")]);
        var chat = kernel.GetRequiredService<IChatCompletionService>();
        var settings = new OpenAIPromptExecutionSettings { FunctionChoiceBehavior = FunctionChoiceBehavior.Auto() };
        var history = new ChatHistory();
        history.AddUserMessage("turn on the kitchen light");
        var text = "";
        if (streaming)
        {
            await foreach (var part in chat.GetStreamingChatMessageContentsAsync(history, settings, kernel, Token))
            {
                text += part.Content;
            }
        }
        else
        {
            text = (await chat.GetChatMessageContentAsync(history, settings, kernel, Token)).Content;
        }

        Assert.Equal(["kitchen True"], switched);
        Assert.NotEmpty(text!);
    }
}
