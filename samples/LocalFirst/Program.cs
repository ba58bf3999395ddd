// The local model first, the cloud where that fails: dotnet run -c Release --project samples/LocalFirst [PACKAGE]
// OPENAI_API_KEY (and OPENAI_MODEL) name a cloud; without them a stand-in plays it, and nothing leaves the machine.
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Slipway;

using var local = new OnnxChatClient(args.FirstOrDefault() ?? "models/device-assistant/int4");
using var cloud = Environment.GetEnvironmentVariable("OPENAI_API_KEY") is { Length: > 0 } key
    ? new OpenAI.OpenAIClient(key)
        .GetChatClient(Environment.GetEnvironmentVariable("OPENAI_MODEL") ?? "gpt-5-mini").AsIChatClient()
    : new StandIn();
using var client = new LocalFirstChatClient(local, cloud);

// The second message does not fit into the local model's context.
foreach (var message in new[] { "Hello!", string.Join(' ', Enumerable.Repeat("Hello!", 2_000)) })
{
    Console.WriteLine($"> {message[..Math.Min(message.Length, 40)]}");
    var response = await client.GetResponseAsync(message);
    Console.WriteLine($"{response.ModelId}: {response.Text}");
}

/// <summary>Asks a second client where the first one fails before it has said anything.</summary>
internal sealed class LocalFirstChatClient(IChatClient first, IChatClient second) : DelegatingChatClient(first)
{
    public override Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
        => GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public override async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ChatMessage[] list = [.. messages];
        var updates = base.GetStreamingResponseAsync(list, options, cancellationToken).GetAsyncEnumerator(
            cancellationToken);
        var more = false;
        try
        {
            more = await updates.MoveNextAsync();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await updates.DisposeAsync();
            Console.WriteLine($"The local model refuses: {e.Message}");
            updates = second.GetStreamingResponseAsync(list, options, cancellationToken).GetAsyncEnumerator(
                cancellationToken);
            more = await updates.MoveNextAsync();
        }

        for (; more; more = await updates.MoveNextAsync())
        {
            yield return updates.Current;
        }

        await updates.DisposeAsync();
    }
}

internal sealed class StandIn : IChatClient
{
    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> m, ChatOptions? o, CancellationToken c)
        => GetStreamingResponseAsync(m, o, c).ToChatResponseAsync(c);

    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> m, ChatOptions? o, CancellationToken c)
        => new[] { new ChatResponseUpdate(ChatRole.Assistant, "Hello from afar!") { ModelId = "stand-in" } }
            .ToAsyncEnumerable();

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }
}
