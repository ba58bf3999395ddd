using Microsoft.Extensions.AI;
using OllamaSharp;

namespace Slipway.AspNetCore.Tests.Conformance;

/// <summary>Runs OllamaSharp over Ollama's API through the contract.</summary>
public sealed class OllamaConformanceTests(ConformanceServer fixture) : HttpConformanceTests(fixture)
{
    private const string NoChoice = "Ollama's API has no 'tool_choice': a model may always answer without a call.";
    private const string OfTheClient = "The line is of the client alone, and this one does otherwise.";

    public override Task RequiredTool_IsCalledWholly(bool streaming) => SkipAsync(NoChoice);

    public override Task RequiredFunction_ByName_IsTheOneThatIsCalled() => SkipAsync(NoChoice);

    public override Task AllowMultipleToolCalls_False_EndsAfterTheFirst() => SkipAsync(NoChoice);

    public override Task FunctionInvocation_AroundTheClient_RunsTheCalls(bool streaming) => SkipAsync(NoChoice);

    public override Task NullMessages_OfBothMethods_ThrowAtTheCall() => SkipAsync(OfTheClient);

    public override void GetService_OfANullType_Throws() => Assert.Skip(OfTheClient);

    // In Ollama's API a negative number is no limit.
    public override async Task MaxOutputTokens_BelowOne_AreRefused()
    {
        var options = Greedy();
        options.MaxOutputTokens = -1;
        Assert.Equal((await AskAsync()).Text, (await AskAsync(options)).Text);
    }

    // The API keeps no conversations, and the client sends no id of one.
    public override async Task ConversationId_Unknown_IsAnError()
    {
        var options = Greedy();
        options.ConversationId = "a conversation that nobody began";
        Assert.Equal((await AskAsync()).Text, (await AskAsync(options)).Text);
    }

    // The client ends a stream that is cancelled without saying so.
    public override async Task Cancellation_OfAnAnswer_EndsItAndLeavesTheClientUsable()
    {
        using var cancellation = new CancellationTokenSource();
        var (before, updates) = (await AskAsync(), 0);
        try
        {
            await foreach (var _ in Client.GetStreamingResponseAsync(Prompt, Greedy(), cancellation.Token))
            {
                updates++;
                await cancellation.CancelAsync();
            }
        }
        catch (OperationCanceledException)
        {
        }

        Assert.Equal(1, updates);
        Assert.Equal(before.Text, (await AskAsync()).Text);
    }

    // The client puts each result into a document of its own, {"CallId": …, "Result": …}, which reaches the model.
    public override Task FunctionResult_OfAnyType_IsItsTextOrItsJson() => AssertResultsAsync((17, 17));

    protected override IChatClient NewClient(Uri address) => new OllamaApiClient(address, "assistant");

    private static Task SkipAsync(string reason)
    {
        Assert.Skip(reason);
        return Task.CompletedTask;
    }
}
