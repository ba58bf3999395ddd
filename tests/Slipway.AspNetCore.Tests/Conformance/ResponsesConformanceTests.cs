using Microsoft.Extensions.AI;

namespace Slipway.AspNetCore.Tests.Conformance;

#pragma warning disable OPENAI001 // The client's types of responses may still change.
/// <summary>Runs Microsoft.Extensions.AI.OpenAI over responses through the contract.</summary>
public sealed class ResponsesConformanceTests(ConformanceServer fixture) : HttpConformanceTests(fixture)
{
    private const string NoMember = "The API of responses has no '{0}', and the client leaves it out.";

    public override Task TopK_OfOne_TakesTheMostProbableToken() => SkipAsync("top_k");

    public override Task Seed_OfTheOptions_MakesTheDrawsRepeatable() => SkipAsync("seed");

    public override Task StopSequence_InTheMiddleOfWords_EndsTheTextBeforeIt() => SkipAsync("stop");

    // The client tells no reason of whole responses that are complete, only of streamed ones.
    public override async Task RequiredTool_IsCalledWholly(bool streaming)
    {
        if (streaming)
        {
            await base.RequiredTool_IsCalledWholly(streaming);
            return;
        }

        var options = Greedy();
        options.Tools = [AIFunctionFactory.Create((bool on) => on, "switch_light", "Switches the light.")];
        options.ToolMode = ChatToolMode.RequireAny;
        var message = Assert.Single((await AskAsync(options)).Messages);
        var call = Assert.Single(message.Contents.OfType<FunctionCallContent>());
        Assert.Equal("switch_light", call.Name);
        Assert.Equal("on", Assert.Single(call.Arguments!).Key);
        Assert.Null(call.Exception);
    }

    // For the same reason, texts are compared without it.
    public override async Task Requests_AtOnce_GetTheAnswersThatTheyGetAlone()
    {
        string[] prompts = [.. Enumerable.Range(0, 8).Select(i => $"{Prompt} {i}")];
        List<string> alone = [];
        foreach (var prompt in prompts)
        {
            alone.Add((await Client.GetResponseAsync(prompt, Greedy(), Token)).Text);
        }

        var together = await Task.WhenAll(prompts.Select((prompt, i) => i % 2 == 0
            ? Client.GetResponseAsync(prompt, Greedy(), Token)
            : Client.GetStreamingResponseAsync(prompt, Greedy(), Token).ToChatResponseAsync(Token)));
        Assert.Equal(alone, together.Select(response => response.Text));
        Assert.Equal(prompts.Length, together.Select(response => response.ResponseId).Distinct().Count());
    }

    public override async Task Updates_Folded_EqualTheResponse()
    {
        var (response, folded) = (await AskAsync(), (await StreamAsync()).ToChatResponse());
        Assert.Equal(response.Text, folded.Text);
        Assert.Equal(response.Usage!.TotalTokenCount, folded.Usage!.TotalTokenCount);
        Assert.Single(Assert.Single(folded.Messages).Contents.OfType<TextContent>());
        Assert.Single(Assert.Single(response.Messages).Contents.OfType<TextContent>());
    }

    public override async Task Response_OfARequest_CarriesIdsRoleAndReason()
    {
        var response = await AskAsync();
        Assert.StartsWith("resp_", response.ResponseId, StringComparison.Ordinal);
        var message = Assert.Single(response.Messages);
        Assert.Equal(ChatRole.Assistant, message.Role);
        Assert.StartsWith("msg_", message.MessageId, StringComparison.Ordinal);
    }

    // Events of the response come before its message has an id.
    public override async Task Updates_OfOneAnswer_ShareIdsModelAndRole()
    {
        var updates = await StreamAsync();
        Assert.Single(updates.Select(update => update.ResponseId).Distinct());
        Assert.Single(updates.Select(update => update.MessageId).OfType<string>().Distinct());
        Assert.All(updates, update => Assert.Equal("assistant", update.ModelId));
        Assert.All(updates.Where(update => update.Text.Length > 0), update => Assert.NotNull(update.MessageId));
    }

    // Each event of the API is an update, those too that begin and end parts.
    public override async Task Updates_OfOneAnswer_AreNeverEmpty()
        => Assert.All(await StreamAsync(), update => Assert.NotNull(update.RawRepresentation));

    // The client writes objects over several lines; what the server gets is a text either way.
    public override Task FunctionResult_OfAnyType_IsItsTextOrItsJson() => AssertResultsAsync((17, "17"), (null, ""));

    protected override IChatClient NewClient(Uri address)
        => OpenAI(address).GetResponsesClient().AsIChatClient("assistant");

    private static Task SkipAsync(string member)
    {
        Assert.Skip(NoMember.Replace("{0}", member, StringComparison.Ordinal));
        return Task.CompletedTask;
    }
}
#pragma warning restore OPENAI001
