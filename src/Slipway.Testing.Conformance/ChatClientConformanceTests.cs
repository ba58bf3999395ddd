using System.Text.Json;

namespace Slipway.Testing.Conformance;

/// <summary>States what callers of any <see cref="IChatClient"/> rely on, a test a line.</summary>
/// <remarks>
/// Derive a class in a test project and give it the client. What the client does not claim is left out of
/// <see cref="Capabilities"/>; its tests are then skipped, saying so. The tests see the client from outside only and
/// need a real model's answers, though none that makes sense.
/// </remarks>
public abstract partial class ChatClientConformanceTests
{
    /// <summary>The client under test, without middleware; the tests share it and leave it open.</summary>
    protected abstract IChatClient Client { get; }

    /// <summary>Claims of the client.</summary>
    /// <value>All but reasoning and images.</value>
    protected virtual ChatCapabilities Capabilities
        => ChatCapabilities.RepeatableAnswers | ChatCapabilities.Sampling | ChatCapabilities.Tools
            | ChatCapabilities.StructuredOutput | ChatCapabilities.LocalModel;

    /// <summary>A message that the model answers with at least eight characters in more than one update.</summary>
    protected virtual string Prompt => "Hello!";

    /// <summary>A message that does not fit into the model's context; null where the context has no end.</summary>
    protected virtual string? OverlongPrompt => null;

    /// <summary>The options that each request starts from; a test sets what it is about.</summary>
    /// <value>At most 64 tokens.</value>
    protected virtual ChatOptions NewOptions() => new() { MaxOutputTokens = 64 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ChatOptions Greedy => With(options => options.Temperature = 0);

    private ChatOptions With(Action<ChatOptions> set)
    {
        var options = NewOptions();
        set(options);
        return options;
    }

    private void Require(ChatCapabilities capabilities)
        => Assert.SkipUnless(
            Capabilities.HasFlag(capabilities), $"The client does not claim '{capabilities & ~Capabilities}'.");

    private Task<ChatResponse> AskAsync(ChatOptions? options = null, params ChatMessage[] messages)
        => Client.GetResponseAsync(
            messages.Length > 0 ? messages : [new ChatMessage(ChatRole.User, Prompt)], options ?? Greedy, Cancellation);

    private async Task<List<ChatResponseUpdate>> StreamAsync(ChatOptions options)
    {
        List<ChatResponseUpdate> updates = [];
        await foreach (var update in Client.GetStreamingResponseAsync(Prompt, options, Cancellation))
        {
            updates.Add(update);
        }

        return updates;
    }

    // Everything of an answer that does not differ from one request to the next.
    private static string Describe(ChatResponse response)
        => string.Join('\n', response.Messages.SelectMany(message => message.Contents).Select(content => content switch
        {
            TextContent text => $"text {text.Text}",
            TextReasoningContent text => $"reasoning {text.Text}",
            FunctionCallContent call => $"call {call.Name} {JsonSerializer.Serialize(call.Arguments)}",
            _ => content.GetType().Name,
        }).Append($"finish {response.FinishReason} of {response.Usage?.TotalTokenCount}"));
}
