namespace Slipway.Engine.Execution;

/// <summary>Runs a decoder over the slots of a cache of its own.</summary>
/// <remarks>Everything but <see cref="Terminate"/> belongs to one thread.</remarks>
internal interface IDecoder : IDisposable
{
    /// <summary>Sequences that the cache has room for.</summary>
    int Slots { get; }

    /// <summary>Tokens that each slot has room for.</summary>
    int Capacity { get; }

    /// <summary>The maximum of tokens of a prefill of which only the last one's logits are kept.</summary>
    int MaxPrefillTokens { get; }

    /// <summary>The maximum of tokens of a prefill whose logits are all kept.</summary>
    int MaxScoredTokens { get; }

    /// <summary>The longest sequence that has the first of two sets of rotary frequencies.</summary>
    int LongRopeThreshold => int.MaxValue;

    /// <summary>Tells whether a slot can go on from an earlier token, because no layer has a recurrent state.</summary>
    bool CanEvictTokens => true;

    /// <summary>
    /// Tells whether an interruptible prefill has yield points between its kernels
    /// (<see cref="Kernels.Threading.KernelYield"/>), at which other slots can run.
    /// </summary>
    bool CanInterruptPrefill => false;

    /// <summary>Bytes of a cache of this size.</summary>
    long BytesFor(int slots, int capacity);

    /// <summary>Bytes of a token in the layers that keep all of them.</summary>
    long GrowingTokenBytes => BytesFor(1, 1);

    /// <summary>Bytes of a token in the layers that keep a window of them.</summary>
    long WindowTokenBytes => 0;

    /// <summary>The first token that layers with a window hold in a slot of a length; it never falls.</summary>
    int WindowStart(int length) => 0;

    /// <summary>The first token that they hold in a slot now; beyond all where that is unknown.</summary>
    int FirstHeld(int slot) => 0;

    /// <summary>The maximum of tokens of a run, beyond its first, that a slot of a length can drop again.</summary>
    int MaxDraft(int length) => int.MaxValue;

    /// <summary>Gives the cache another size, none included, and keeps each slot's first tokens.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory; the cache is empty then and has no slots.</exception>
    void Resize(int slots, int capacity, ReadOnlySpan<int> lengths);

    /// <summary>Copies a slot's first tokens over another slot's.</summary>
    void CopySlot(int from, int to, int length);

    /// <summary>Copies keys and values of a slot's consecutive tokens out, of layers that keep all tokens.</summary>
    void ReadTokens(int slot, int start, int count, NativeBuffer destination);

    /// <summary>Copies keys and values that <see cref="ReadTokens"/> gave into a slot.</summary>
    void WriteTokens(int slot, int start, int count, NativeBuffer source);

    /// <summary>Copies keys and values of a slot's consecutive tokens out, of layers with a window.</summary>
    void ReadWindow(int slot, int start, int count, NativeBuffer destination)
    {
    }

    /// <summary>Copies keys and values that <see cref="ReadWindow"/> gave into a slot.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="length">Tokens that the slot holds once all of its window are written.</param>
    /// <param name="start">The first token.</param>
    /// <param name="count">Tokens; those that a slot of the length has evicted are left out.</param>
    /// <param name="source">What was read.</param>
    void WriteWindow(int slot, int length, int start, int count, NativeBuffer source)
    {
    }

    /// <summary>Runs consecutive tokens of one sequence and returns their logits, valid until the next run.</summary>
    /// <returns>[kept tokens, vocabulary]</returns>
    ReadOnlySpan<float> Prefill(scoped in PrefillRun run);

    /// <summary>Runs one token in each of the first slots and returns their logits, valid until the next run.</summary>
    /// <returns>[slots, vocabulary]; those of inactive slots mean nothing.</returns>
    ReadOnlySpan<float> Decode(scoped in DecodeRun run);

    /// <summary>Asks the run in progress to end, or lets later ones go on; safe from any thread.</summary>
    void Terminate(bool terminate);
}

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
