using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Slipway.AspNetCore.Tests.Clients;

/// <summary>Makes clients whose answers go on for a while, and tells how many of them were cancelled.</summary>
internal sealed class HeldClients
{
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(1.5);
    private int _cancelled;

    /// <summary>Answers begun and cancelled.</summary>
    public int Cancelled => Volatile.Read(ref _cancelled);

    /// <summary>A client that says a word at once, and another after a while.</summary>
    public IChatClient Held => new FakeChatClient((_, _, cancellationToken) => AnswerAsync(cancellationToken));

    /// <summary>A client that says the number of answers that were cancelled.</summary>
    public IChatClient Counting => new FakeChatClient((_, _, _) => FakeChatClient.Updates(
        new TextContent(Cancelled.ToString(System.Globalization.CultureInfo.InvariantCulture))));

    private async IAsyncEnumerable<ChatResponseUpdate> AnswerAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new ChatResponseUpdate(ChatRole.Assistant, "One ");
        try
        {
            await Task.Delay(Time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _cancelled);
            throw;
        }

        yield return new ChatResponseUpdate(ChatRole.Assistant, "two.");
    }
}
