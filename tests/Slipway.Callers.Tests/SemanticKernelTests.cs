using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;

namespace Slipway.Callers.Tests;

/// <summary>Answers for Semantic Kernel, whose plugins are the tools.</summary>
public sealed class SemanticKernelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Service_OverTheClient_Answers(bool streaming)
    {
        var service = DeviceAssistant.Client.AsChatCompletionService();
        ChatHistory history = [new(AuthorRole.User, "Hello!")];
        var settings = new PromptExecutionSettings
        {
            ExtensionData = new Dictionary<string, object> { ["temperature"] = 0.0, ["max_tokens"] = 40 },
        };
        string text;
        if (streaming)
        {
            text = "";
            await foreach (var update in service.GetStreamingChatMessageContentsAsync(
                history, settings, cancellationToken: Token))
            {
                text += update.Content;
            }
        }
        else
        {
            text = (await service.GetChatMessageContentAsync(history, settings, cancellationToken: Token)).Content!;
        }

        Assert.Equal("Hello! What can I do for you?", text);
    }

    [Fact]
    public async Task Functions_OfAPlugin_AreCalledByTheKernel()
    {
        List<string> switched = [];
        var kernel = new Kernel();
        kernel.Plugins.AddFromFunctions("home", [KernelFunctionFactory.CreateFromMethod(
            (string room, bool on) =>
            {
                switched.Add($"{room} {on}");
                return $"The light in the {room} is {(on ? "on" : "off")}.";
            },
            "set_light")]);
        var service = DeviceAssistant.Client.AsBuilder().UseKernelFunctionInvocation().Build()
            .AsChatCompletionService(kernel.Services);

        var answer = await service.GetChatMessageContentAsync(
            [new(AuthorRole.User, Home.Request)],
            new PromptExecutionSettings { FunctionChoiceBehavior = FunctionChoiceBehavior.Auto() }, kernel, Token);

        Assert.Equal(["kitchen True"], switched);
        Assert.Equal("The light in the kitchen is on.", answer.Content);
    }
}
