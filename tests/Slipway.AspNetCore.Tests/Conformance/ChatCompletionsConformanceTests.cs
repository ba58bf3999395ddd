using Microsoft.Extensions.AI;
using OpenAI.Chat;
using ChatFinishReason = Microsoft.Extensions.AI.ChatFinishReason;

namespace Slipway.AspNetCore.Tests.Conformance;

/// <summary>Runs Microsoft.Extensions.AI.OpenAI over chat completions through the contract.</summary>
public sealed class ChatCompletionsConformanceTests(ConformanceServer fixture) : HttpConformanceTests(fixture)
{
    // The published API has no 'top_k', so that the client leaves it out; the server takes it all the same.
    public override async Task TopK_OfOne_TakesTheMostProbableToken()
    {
        var expected = (await AskAsync()).Text;
        for (var seed = 0; seed < 4; seed++)
        {
            var options = NewOptions();
            (options.Temperature, options.Seed) = (1.5f, seed);
            options.RawRepresentationFactory = _ =>
            {
                var own = new ChatCompletionOptions();
#pragma warning disable SCME0001 // The client's way to members that it does not know may still change.
                own.Patch.Set("$.top_k"u8, 1);
#pragma warning restore SCME0001
                return own;
            };
            Assert.Equal(expected, (await AskAsync(options)).Text);
        }
    }

    // The API keeps no conversations, and the client sends no id of one.
    public override async Task ConversationId_Unknown_IsAnError()
    {
        var options = Greedy();
        options.ConversationId = "a conversation that nobody began";
        Assert.Equal((await AskAsync()).Text, (await AskAsync(options)).Text);
    }

    // The first part of a stream has the role alone, as the API has it.
    public override async Task Updates_OfOneAnswer_AreNeverEmpty()
        => Assert.All((await StreamAsync()).Skip(1), update => Assert.True(
            update.FinishReason is not null || update.Contents.Any(content => content is not TextContent { Text: "" }),
            "An update is empty."));

    // The part with the usage follows the one with the reason, which the client then repeats.
    public override async Task Updates_OfOneAnswer_EndWithTheFinishReason()
    {
        var updates = await StreamAsync();
        Assert.Equal(
            [ChatFinishReason.Stop, ChatFinishReason.Stop],
            updates[^2..].Select(update => update.FinishReason!.Value));
        Assert.All(updates.SkipLast(2), update => Assert.Null(update.FinishReason));
    }

    // The client writes objects over several lines; what the server gets is a text either way.
    public override Task FunctionResult_OfAnyType_IsItsTextOrItsJson() => AssertResultsAsync((17, "17"), (null, ""));

    protected override IChatClient NewClient(Uri address) => OpenAI(address).GetChatClient("assistant").AsIChatClient();
}
