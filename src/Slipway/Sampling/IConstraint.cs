namespace Slipway.Sampling;

/// <summary>Marks a processor that cannot be overruled: what it forbids never comes.</summary>
internal interface IConstraint : ILogitsProcessor
{
    /// <summary>
    /// The tokens that must come next, so that none of them needs to be chosen; empty where there is a choice.
    /// </summary>
    /// <param name="outputIds">The answer so far.</param>
    IReadOnlyList<int> Forced(ReadOnlySpan<int> outputIds);
}
