using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Slipway.AspNetCore.Responses;

/// <summary>Answers conversations that may be too long for a model: <c>"truncation": "auto"</c>.</summary>
internal static class ShortenedConversation
{
    /// <summary>Answers a conversation; where it is too long, without its first messages.</summary>
    /// <remarks>
    /// Instructions stay, and so does the last message. A call goes together with its result. Where what stays is too
    /// long still, the model's exception comes through.
    /// </remarks>
    /// <param name="client">The client.</param>
    /// <param name="messages">The conversation.</param>
    /// <param name="options">The options.</param>
    /// <param name="cancellationToken">Ends the answer.</param>
    public static async IAsyncEnumerable<ChatResponseUpdate> AnswerAsync(
        IChatClient client, IReadOnlyList<ChatMessage> messages, ChatOptions options,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<ChatMessage> rest = [.. messages];
        while (true)
        {
            await using var updates = client.GetStreamingResponseAsync(rest, options, cancellationToken)
                .GetAsyncEnumerator(cancellationToken);
            try
            {
                if (!await updates.MoveNextAsync().ConfigureAwait(false))
                {
                    yield break;
                }
            }
            catch (ContextLengthException) when (Shorten(rest))
            {
                continue;
            }

            do
            {
                yield return updates.Current;
            }
            while (await updates.MoveNextAsync().ConfigureAwait(false));
            yield break;
        }
    }

    // Takes the first message away, and the results of its calls; false where nothing may go.
    private static bool Shorten(List<ChatMessage> messages)
    {
        var first = messages.FindIndex(message => message.Role != ChatRole.System);
        if (first < 0 || first >= messages.Count - 1)
        {
            return false;
        }

        do
        {
            messages.RemoveAt(first);
        }
        while (first < messages.Count - 1 && messages[first].Role == ChatRole.Tool);
        return true;
    }
}
