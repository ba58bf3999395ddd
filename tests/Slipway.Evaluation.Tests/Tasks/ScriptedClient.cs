using Microsoft.Extensions.AI;

namespace Slipway.Evaluation.Tests.Tasks;

/// <summary>Answers by a function of the conversation, and keeps what it was asked.</summary>
internal sealed class ScriptedClient(Func<IReadOnlyList<ChatMessage>, string> answer) : IChatClient
{
    private readonly Lock _lock = new();

    public List<IReadOnlyList<ChatMessage>> Asked { get; } = [];

    public List<ChatOptions> Options { get; } = [];

    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ChatMessage[] list = [.. messages];
        lock (_lock)
        {
            Asked.Add(list);
            Options.Add(options!);
        }

        return Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, answer(list))));
    }

    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
        => throw new NotSupportedException();

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }
}
