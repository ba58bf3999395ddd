using Slipway.Engine.Cache;
using Slipway.Engine.Scheduling;

namespace Slipway.Engine.Execution;

/// <summary>Runs what the scheduler planned and returns the logits.</summary>
/// <remarks>Belongs to the engine's thread.</remarks>
/// <param name="decoder">Runs the model.</param>
/// <param name="slots">Knows which sequence has which slot.</param>
/// <param name="prefixes">Restores known prefixes, and stores what a run would evict.</param>
/// <param name="interleaver">Runs slices of prompts.</param>
internal sealed class ModelRunner(
    IDecoder decoder, CacheSlotAllocator slots, PrefixCacheWriter prefixes, PrefillInterleaver interleaver)
{
    private int[] _tokens = [];
    private int[] _lengths = [];
    private int[] _adapters = [];

    /// <summary>Runs the next tokens of a sequence.</summary>
    /// <param name="slice">The sequence.</param>
    /// <param name="count">Tokens that were run, from those that were computed already on.</param>
    /// <returns>[tokens, vocabulary] where the sequence scores each of them, else those of the last,
    /// [vocabulary].</returns>
    public ReadOnlySpan<float> Run(PrefillSlice slice, out int count)
    {
        var sequence = slice.Sequences[0];
        if (sequence.ComputedTokens == 0)
        {
            sequence.UsesLongRope = sequence.Tokens.Length > decoder.LongRopeThreshold;
            prefixes.Restore(sequence);
        }

        var start = sequence.ComputedTokens;
        var isScored = sequence.ScoresEveryPosition && start >= sequence.FirstScoredPosition;
        var end = sequence.ScoresEveryPosition && !isScored ? sequence.FirstScoredPosition : sequence.Tokens.Length;
        count = Math.Min(slice.MaxTokens, end - start);
        prefixes.StoreBeforeEviction(sequence, count);
        return interleaver.Run(sequence, new PrefillRun
        {
            Slot = sequence.Slot,
            Start = start,
            Tokens = sequence.Tokens.Slice(start, count),
            KeepsAllLogits = isScored,
            Adapter = sequence.Adapter,
            PlannedLength = sequence.Tokens.Length,
            IsInterruptible = slice.IsInterruptible && start < sequence.PromptLength,
        });
    }

    /// <summary>Runs the next token of each sequence of a batch.</summary>
    /// <returns>[slots, vocabulary]</returns>
    public ReadOnlySpan<float> Run(DecodeBatch batch)
    {
        foreach (var sequence in batch.Sequences)
        {
            prefixes.StoreBeforeEviction(sequence, 1);
        }

        if (!interleaver.IsInterrupted && slots.Count < slots.End)
        {
            slots.Compact();
        }

        var end = batch.Sequences.Max(sequence => sequence.Slot) + 1;
        if (_tokens.Length < end)
        {
            (_tokens, _lengths, _adapters) = (new int[end], new int[end], new int[end]);
        }

        // Slots in between, such as one whose prompt is under way, are inactive: what they run lies beyond their end.
        for (var slot = 0; slot < end; slot++)
        {
            (_tokens[slot], _lengths[slot], _adapters[slot]) = (-1, slots[slot]?.ComputedTokens ?? 0, 0);
        }

        foreach (var sequence in batch.Sequences)
        {
            _tokens[sequence.Slot] = sequence.Tokens[sequence.ComputedTokens];
            _adapters[sequence.Slot] = sequence.Adapter;
        }

        return decoder.Decode(new DecodeRun
        {
            Tokens = _tokens.AsSpan(0, end), Lengths = _lengths.AsSpan(0, end), Adapters = _adapters.AsSpan(0, end),
        });
    }

    /// <summary>Runs the next token of a sequence and its draft.</summary>
    /// <returns>[tokens, vocabulary]</returns>
    public ReadOnlySpan<float> Run(DraftVerification verification)
    {
        var sequence = verification.Sequences[0];
        prefixes.StoreBeforeEviction(sequence, 1);
        return decoder.Prefill(new PrefillRun
        {
            Slot = sequence.Slot,
            Start = verification.Start,
            Tokens = verification.Tokens,
            KeepsAllLogits = true,
            Adapter = sequence.Adapter,
            PlannedLength = verification.Start + verification.Tokens.Length,
        });
    }
}
