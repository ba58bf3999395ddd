namespace Slipway.Testing.Conformance;

// Arguments, services, concurrency and cancellation.
public abstract partial class ChatClientConformanceTests
{
    /// <summary>Null messages throw before anything is awaited or enumerated.</summary>
    [Fact]
    public virtual async Task NullMessages_OfBothMethods_ThrowAtTheCall()
    {
        await Assert.ThrowsAsync<ArgumentNullException>(
            () => Client.GetResponseAsync((IEnumerable<ChatMessage>)null!, Greedy, Cancellation));
        Assert.Throws<ArgumentNullException>(
            () => { _ = Client.GetStreamingResponseAsync((IEnumerable<ChatMessage>)null!, Greedy, Cancellation); });
    }

    /// <summary>Requests that come together get the answers that they get alone.</summary>
    [Fact]
    public virtual async Task Requests_AtOnce_GetTheAnswersThatTheyGetAlone()
    {
        Require(ChatCapabilities.RepeatableAnswers);
        var prompts = Enumerable.Range(0, 8).Select(i => $"{Prompt} {i}").ToArray();
        List<string> alone = [];
        foreach (var prompt in prompts)
        {
            alone.Add(Describe(await Client.GetResponseAsync(prompt, Greedy, Cancellation)));
        }

        var together = await Task.WhenAll(prompts.Select((prompt, i) => i % 2 == 0
            ? Client.GetResponseAsync(prompt, Greedy, Cancellation)
            : Client.GetStreamingResponseAsync(prompt, Greedy, Cancellation).ToChatResponseAsync(Cancellation)));

        Assert.Equal(alone, together.Select(Describe));
        Assert.Equal(prompts.Length, together.Select(response => response.ResponseId).Distinct().Count());
    }

    /// <summary>A request needs neither the caller's thread nor its synchronization context.</summary>
    [Fact]
    public virtual async Task Request_OnAContextThatRunsNothing_Ends()
    {
        var context = new StoppedContext();
        var response = Task.Factory.StartNew(
            () =>
            {
                SynchronizationContext.SetSynchronizationContext(context);
#pragma warning disable xUnit1031 // The thread is the test's own, and it is to block.
                return Client.GetResponseAsync(Prompt, Greedy, Cancellation).GetAwaiter().GetResult();
#pragma warning restore xUnit1031
            },
            Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        Assert.Same(response, await Task.WhenAny(response, context.Posted));
        Assert.NotEmpty((await response).Messages);
    }

    /// <summary>The type of a service must be given.</summary>
    [Fact]
    public virtual void GetService_OfANullType_Throws()
        => Assert.Throws<ArgumentNullException>(() => Client.GetService(null!));

    /// <summary>Services under keys are none of a client's that has none.</summary>
    [Fact]
    public virtual void GetService_WithAKey_IsNull()
        => Assert.Null(Client.GetService(typeof(IChatClient), "key"));

    /// <summary>A type that the client does not serve is null, not an error.</summary>
    [Fact]
    public virtual void GetService_OfAnotherType_IsNull()
        => Assert.Null(Client.GetService(typeof(ChatClientConformanceTests)));

    /// <summary>The client answers for its own type.</summary>
    [Fact]
    public virtual void GetService_OfAChatClient_IsTheClient()
        => Assert.Same(Client, Client.GetService(typeof(IChatClient)));

    /// <summary>Metadata name the provider and the model, and an address only where there is one.</summary>
    [Fact]
    public virtual void GetService_OfMetadata_NamesProviderAndModel()
    {
        var metadata = Assert.IsType<ChatClientMetadata>(
            Client.GetService(typeof(ChatClientMetadata)), exactMatch: false);
        Assert.False(string.IsNullOrEmpty(metadata.ProviderName), "The provider has no name.");
        Assert.False(string.IsNullOrEmpty(metadata.DefaultModelId), "The model has no name.");
        Assert.True(
            metadata.ProviderUri is null || !Capabilities.HasFlag(ChatCapabilities.LocalModel),
            "A model of this process has no address.");
    }

    /// <summary>A request that was cancelled before the call ends as cancelled.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public virtual async Task Cancellation_BeforeTheCall_EndsTheRequest(bool streaming)
    {
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => streaming
            ? Client.GetStreamingResponseAsync(Prompt, Greedy, cancellation.Token).ToChatResponseAsync(Cancellation)
            : Client.GetResponseAsync(Prompt, Greedy, cancellation.Token));
    }

    /// <summary>An answer ends with its cancellation, and the next request is as if it had not been.</summary>
    [Fact]
    public virtual async Task Cancellation_OfAnAnswer_EndsItAndLeavesTheClientUsable()
    {
        using var cancellation = new CancellationTokenSource();
        var before = await AskAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in Client.GetStreamingResponseAsync(Prompt, Greedy, cancellation.Token))
            {
                await cancellation.CancelAsync();
            }
        });

        var after = await AskAsync();
        Assert.True(
            !Capabilities.HasFlag(ChatCapabilities.RepeatableAnswers) || Describe(before) == Describe(after),
            $"The answer after a cancelled one is '{after.Text}'; it was '{before.Text}'.");
    }

    /// <summary>A caller that leaves the stream early leaves nothing behind.</summary>
    [Fact]
    public virtual async Task Stream_LeftEarly_LeavesTheClientUsable()
    {
        await foreach (var _ in Client.GetStreamingResponseAsync(Prompt, Greedy, Cancellation))
        {
            break;
        }

        Assert.NotEmpty((await AskAsync()).Messages);
    }

    /// <summary>A prompt that does not fit is an error, never a shortened conversation.</summary>
    [Fact]
    public virtual async Task Prompt_LongerThanTheContext_IsAnError()
    {
        Assert.SkipWhen(OverlongPrompt is null, "The client's context has no end.");
        var error = await Assert.ThrowsAnyAsync<Exception>(
            () => AskAsync(Greedy, new ChatMessage(ChatRole.User, OverlongPrompt)));
        Assert.NotEmpty(error.Message);
    }

    private sealed class StoppedContext : SynchronizationContext
    {
        private readonly TaskCompletionSource _posted = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Posted => _posted.Task;

        public override void Post(SendOrPostCallback d, object? state) => _posted.TrySetResult();

        public override void Send(SendOrPostCallback d, object? state) => _posted.TrySetResult();
    }
}
