using Microsoft.Extensions.AI;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Holds what is known of an answer while it streams.</summary>
/// <param name="index">The answer's place among those to one prompt.</param>
internal sealed class StreamedAnswer(int index)
{
    /// <summary>The answer's place.</summary>
    public int Index { get; } = index;

    /// <summary>Calls that were sent.</summary>
    public int Calls { get; set; }

    /// <summary>Why the answer ended; null while it goes on.</summary>
    public ChatFinishReason? FinishReason { get; set; }

    /// <summary>Tokens, once they are known.</summary>
    public UsageDetails? Usage { get; set; }
}
