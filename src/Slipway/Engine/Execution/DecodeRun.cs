namespace Slipway.Engine.Execution;

/// <summary>Describes a run of one token in each of the first slots.</summary>
internal readonly ref struct DecodeRun
{
    /// <summary>
    /// A token for each slot, [slots]; negative for an inactive slot, whose contents stay as they are.
    /// </summary>
    public required ReadOnlySpan<int> Tokens { get; init; }

    /// <summary>Tokens that each slot holds already, [slots].</summary>
    public required ReadOnlySpan<int> Lengths { get; init; }

    /// <summary>The adapter of each slot, [slots]; 0 for none. Empty where no slot has one.</summary>
    public ReadOnlySpan<int> Adapters { get; init; }
}
