using System.Runtime.CompilerServices;

namespace Slipway.Callers.Tests.Conformance;

/// <summary>Breaks a client that works in one place.</summary>
internal sealed class BrokenClient(IChatClient inner) : IChatClient
{
    /// <summary>Changes the messages on their way in.</summary>
    public Func<IEnumerable<ChatMessage>, IEnumerable<ChatMessage>> Messages { get; init; } = messages => messages;

    /// <summary>Changes a copy of the options on its way in.</summary>
    public Action<ChatOptions> Options { get; init; } = _ => { };

    /// <summary>Does something with the caller's own options.</summary>
    public Action<ChatOptions> OwnOptions { get; init; } = _ => { };

    /// <summary>Changes an update on its way out.</summary>
    public Action<ChatResponseUpdate> Update { get; init; } = _ => { };

    /// <summary>Changes all updates on their way out.</summary>
    public Func<List<ChatResponseUpdate>, List<ChatResponseUpdate>> Updates { get; init; } = updates => updates;

    /// <summary>Changes the response that is not streamed.</summary>
    public Action<ChatResponse> Response { get; init; } = _ => { };

    /// <summary>Changes what a service is.</summary>
    public Func<Type?, object?, object?, object?> Service { get; init; } = (_, _, service) => service;

    /// <summary>Tells whether cancellations are passed on.</summary>
    public bool HeedsCancellation { get; init; } = true;

    /// <summary>Runs before each request, on the caller's context.</summary>
    public Func<Task> Before { get; init; } = () => Task.CompletedTask;

    /// <summary>Runs where a stream is left early.</summary>
    public Action Left { get; init; } = () => { };

    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        await Before();
        var response = await GetStreamingResponseAsync(messages, options, cancellationToken)
            .ToChatResponseAsync(CancellationToken.None);
        Response(response);
        return response;
    }

    // An iterator, so that it tells nothing at the call.
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var copy = options?.Clone() ?? new();
        Options(copy);
        OwnOptions(options ?? copy);
        var updates = await inner.GetStreamingResponseAsync(
                Messages(messages), copy, HeedsCancellation ? cancellationToken : CancellationToken.None)
            .ToListAsync(CancellationToken.None);
        var ended = false;
        try
        {
            foreach (var update in Updates(updates))
            {
                if (HeedsCancellation)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                }

                Update(update);
                yield return update;
            }

            ended = true;
        }
        finally
        {
            if (!ended)
            {
                Left();
            }
        }
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
        => Service(
            serviceType, serviceKey,
            serviceType is null || serviceKey is not null ? null
                : serviceType.IsInstanceOfType(this) ? this : inner.GetService(serviceType, serviceKey));

    public void Dispose()
    {
    }
}
