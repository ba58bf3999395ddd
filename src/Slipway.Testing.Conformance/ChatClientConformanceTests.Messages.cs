using System.Text.Json.Nodes;

namespace Slipway.Testing.Conformance;

// Messages of every role with contents of every kind.
public abstract partial class ChatClientConformanceTests
{
    /// <summary>Every role is taken, known or not.</summary>
    [Fact]
    public virtual async Task Roles_OfEveryKind_AreTaken()
    {
        var response = await AskAsync(
            Greedy, new(ChatRole.System, "Be brief."), new(ChatRole.User, Prompt), new(ChatRole.Assistant, "Yes?"),
            new(new ChatRole("critic"), "Too short."), new(ChatRole.User, Prompt));
        Assert.NotEmpty(response.Messages);
    }

    /// <summary>Messages without contents and contents without text are taken.</summary>
    [Fact]
    public virtual async Task Contents_ThatAreEmpty_AreTaken()
    {
        var response = await AskAsync(
            Greedy, new(ChatRole.User, []), new(ChatRole.Assistant, [new TextContent(null)]),
            new(ChatRole.User, [new TextContent(""), new TextContent(Prompt)]));
        Assert.NotEmpty(response.Messages);
    }

    /// <summary>Content that no model reads is skipped.</summary>
    [Fact]
    public virtual async Task Content_OfAnUnknownKind_IsSkipped()
    {
        Require(ChatCapabilities.RepeatableAnswers);
        Assert.Equal(
            Describe(await AskAsync()),
            Describe(await AskAsync(
                Greedy, new ChatMessage(ChatRole.User, [new UnknownContent(), new TextContent(Prompt)]))));
    }

    /// <summary>A history with reasoning, calls and results is taken.</summary>
    [Fact]
    public virtual async Task History_WithReasoningCallsAndResults_IsTaken()
    {
        Require(ChatCapabilities.Tools);
        Assert.NotEmpty((await AskAsync(WithTools(), History("done"))).Messages);
    }

    /// <summary>A result is a string as it is, anything else as JSON, and null as nothing.</summary>
    [Fact]
    public virtual async Task FunctionResult_OfAnyType_IsItsTextOrItsJson()
    {
        Require(ChatCapabilities.Tools);
        var node = new JsonObject { ["room"] = "hall", ["lit"] = true };
        await AssertSame(node, """{"room":"hall","lit":true}""");
        await AssertSame(null, "");
        await AssertSame(17, "17");

        async Task AssertSame(object? value, string text)
            => Assert.Equal(
                (await AskAsync(WithTools(), History(text))).Usage?.InputTokenCount,
                (await AskAsync(WithTools(), History(value))).Usage?.InputTokenCount);
    }

    /// <summary>An image reaches a model that sees, and is refused where none does; it never disappears.</summary>
    [Fact]
    public virtual async Task Image_OfTheUser_IsSeenOrRefused()
    {
        ChatMessage message = new(
            ChatRole.User, [new TextContent(Prompt), new DataContent(Convert.FromBase64String(Pixel), "image/png")]);
        if (Capabilities.HasFlag(ChatCapabilities.Images))
        {
            Assert.NotEmpty((await AskAsync(Greedy, message)).Messages);
        }
        else
        {
            await Assert.ThrowsAnyAsync<Exception>(() => AskAsync(Greedy, message));
        }
    }

    private const string Pixel =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

    private ChatMessage[] History(object? result) =>
    [
        new(ChatRole.User, Prompt),
        new(ChatRole.Assistant,
        [
            new TextReasoningContent("The light, then."),
            new TextContent("One moment."),
            new FunctionCallContent("call00001", SwitchLight.Name, new Dictionary<string, object?> { ["on"] = true }),
        ]),
        new(ChatRole.Tool, [new FunctionResultContent("call00001", result)]),
    ];

    private sealed class UnknownContent : AIContent;
}
