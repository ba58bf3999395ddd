namespace Slipway.Engine.Execution;

/// <summary>Describes a run of consecutive tokens of one sequence.</summary>
internal readonly ref struct PrefillRun
{
    /// <summary>The cache slot of the sequence.</summary>
    public required int Slot { get; init; }

    /// <summary>Tokens that the slot holds already.</summary>
    public required int Start { get; init; }

    /// <summary>The tokens to run, [tokens].</summary>
    public required ReadOnlySpan<int> Tokens { get; init; }

    /// <summary>Tells whether logits of every token are wanted, or of the last one only.</summary>
    public bool KeepsAllLogits { get; init; }

    /// <summary>The adapter to run with; 0 for none.</summary>
    public int Adapter { get; init; }

    /// <summary>
    /// Tokens that the sequence has once all of it was run; decides between two sets of rotary frequencies.
    /// </summary>
    public required int PlannedLength { get; init; }

    /// <summary>Tells whether other runs may come between the kernels of this one.</summary>
    public bool IsInterruptible { get; init; }

    /// <summary>Tokens that the slot holds after the run.</summary>
    public int End => Start + Tokens.Length;
}
