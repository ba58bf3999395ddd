namespace Slipway.Guidance;

/// <summary>Marks the processor whose word is final: what it forbids must not come, whatever others leave.</summary>
internal interface IGuidance : ILogitsProcessor
{
    /// <summary>
    /// The tokens that must come next, so that none of them needs to be chosen; empty where there is a choice.
    /// </summary>
    /// <param name="outputIds">The answer so far.</param>
    IReadOnlyList<int> Forced(ReadOnlySpan<int> outputIds);
}
