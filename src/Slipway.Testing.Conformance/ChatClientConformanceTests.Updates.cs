namespace Slipway.Testing.Conformance;

// Updates of a stream, what they fold to, and usage.
public abstract partial class ChatClientConformanceTests
{
    /// <summary>All updates of an answer carry the same ids, model and role.</summary>
    [Fact]
    public virtual async Task Updates_OfOneAnswer_ShareIdsModelAndRole()
    {
        var updates = await StreamAsync(Greedy);
        Assert.All(updates, update =>
        {
            Assert.False(string.IsNullOrEmpty(update.ResponseId), "An update has no response id.");
            Assert.False(string.IsNullOrEmpty(update.MessageId), "An update has no message id.");
            Assert.Equal(updates[0].ResponseId, update.ResponseId);
            Assert.Equal(updates[0].MessageId, update.MessageId);
            Assert.Equal(updates[0].ModelId, update.ModelId);
            Assert.Equal(ChatRole.Assistant, update.Role);
        });
    }

    /// <summary>The last update tells why the answer ended, and no earlier one does.</summary>
    [Fact]
    public virtual async Task Updates_OfOneAnswer_EndWithTheFinishReason()
    {
        var updates = await StreamAsync(Greedy);
        Assert.NotNull(updates[^1].FinishReason);
        Assert.All(updates.SkipLast(1), update => Assert.Null(update.FinishReason));
    }

    /// <summary>Usage comes once, since whoever folds the updates adds it up.</summary>
    [Fact]
    public virtual async Task Updates_OfOneAnswer_CarryUsageOnce()
        => Assert.Single((await StreamAsync(Greedy)).SelectMany(update => update.Contents).OfType<UsageContent>());

    /// <summary>An update has something to tell.</summary>
    [Fact]
    public virtual async Task Updates_OfOneAnswer_AreNeverEmpty()
        => Assert.All(await StreamAsync(Greedy), update => Assert.True(
            update.FinishReason is not null || update.Contents.Any(content => content is not TextContent { Text: "" }),
            "An update is empty."));

    /// <summary>No update ends inside of a character.</summary>
    [Fact]
    public virtual async Task Updates_OfOneAnswer_CutNoCharacter()
        => Assert.All(await StreamAsync(Greedy), update => Assert.False(
            update.Text.Length > 0
            && (char.IsHighSurrogate(update.Text[^1]) || char.IsLowSurrogate(update.Text[0])
                || update.Text.Contains('\uFFFD', StringComparison.Ordinal)),
            "An update holds half of a character."));

    /// <summary>A folded stream is the response, its text in one content.</summary>
    [Fact]
    public virtual async Task Updates_Folded_EqualTheResponse()
    {
        Require(ChatCapabilities.RepeatableAnswers);
        var response = await AskAsync();
        var folded = (await StreamAsync(Greedy)).ToChatResponse();

        Assert.Equal(Describe(response), Describe(folded));
        Assert.Single(Assert.Single(folded.Messages).Contents.OfType<TextContent>());
        Assert.Single(Assert.Single(response.Messages).Contents.OfType<TextContent>());
    }

    /// <summary>Responses carry what whoever keeps or shows them needs.</summary>
    [Fact]
    public virtual async Task Response_OfARequest_CarriesIdsRoleAndReason()
    {
        var response = await AskAsync();
        Assert.False(string.IsNullOrEmpty(response.ResponseId), "The response has no id.");
        Assert.NotNull(response.FinishReason);
        var message = Assert.Single(response.Messages);
        Assert.Equal(ChatRole.Assistant, message.Role);
        Assert.False(string.IsNullOrEmpty(message.MessageId), "The message has no id.");
    }

    /// <summary>Tokens in and out add up; those known before and those of reasoning are parts of them.</summary>
    [Fact]
    public virtual async Task Usage_OfAResponse_AddsUp()
    {
        await AskAsync();
        var usage = (await AskAsync()).Usage;
        Assert.NotNull(usage);
        Assert.True(usage.InputTokenCount > 0 && usage.OutputTokenCount > 0, "Nothing was counted.");
        Assert.Equal(usage.InputTokenCount + usage.OutputTokenCount, usage.TotalTokenCount);
        Assert.InRange(usage.CachedInputTokenCount ?? 0, 0, usage.InputTokenCount.Value);
        Assert.InRange(usage.ReasoningTokenCount ?? 0, 0, usage.OutputTokenCount.Value);
    }
}
