namespace Slipway;

/// <summary>Changes the logits of the next token before it is chosen.</summary>
/// <remarks>
/// Called on the engine's thread, once a token, for one sequence only. That thread computes all requests of the model:
/// while a processor sleeps, waits or computes for long, every other request waits too, and so does a cancellation. A
/// processor that needs something slow prepares it before the request is sent. An exception ends its own request alone.
/// </remarks>
public interface ILogitsProcessor
{
    /// <summary>Changes the logits in place; negative infinity forbids a token.</summary>
    /// <param name="promptIds">The prompt's token ids.</param>
    /// <param name="outputIds">The token ids generated so far.</param>
    /// <param name="logits">One value for each token of the vocabulary.</param>
    void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits);
}
