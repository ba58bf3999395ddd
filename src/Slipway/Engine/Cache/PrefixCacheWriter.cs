using Slipway.Engine.Execution;
using Slipway.Engine.Scheduling;

namespace Slipway.Engine.Cache;

/// <summary>Decides when prefixes of sequences go into the prefix cache, and when they come out of it.</summary>
/// <remarks>Belongs to the engine's thread.</remarks>
/// <param name="decoder">Holds the slots.</param>
/// <param name="prefixes">The cache.</param>
/// <param name="slots">Knows who has a slot.</param>
internal sealed class PrefixCacheWriter(IDecoder decoder, PrefixCache prefixes, CacheSlotAllocator slots)
{
    /// <summary>Fills the slot of a sequence that begins with the longest prefix that is known.</summary>
    public void Restore(Sequence sequence)
    {
        if (sequence is not { ComputedTokens: 0, UsesPrefixCache: true })
        {
            // Known prefixes were computed with the first set of frequencies.
            return;
        }

        // A sequence's prefix is stored when it ends; that of one still running, when another begins alike.
        foreach (var other in slots.Active)
        {
            if (other != sequence && other.Adapter == sequence.Adapter)
            {
                Store(other, other.Tokens[..other.ComputedTokens].CommonPrefixLength(sequence.Tokens));
            }
        }

        // The last of the tokens given remains to be computed.
        var tokens = sequence.ScoresEveryPosition ? sequence.Tokens[..(sequence.FirstScoredPosition + 1)]
            : sequence.Tokens;
        sequence.ComputedTokens = prefixes.Restore(sequence.Slot, tokens, sequence.Adapter);
        if (sequence.OutputIds.IsEmpty)
        {
            sequence.CachedTokens = sequence.ComputedTokens;
        }
    }

    /// <summary>Stores what the next tokens of a sequence would evict from layers with a window.</summary>
    public void StoreBeforeEviction(Sequence sequence, int count)
    {
        if (decoder.WindowStart(sequence.ComputedTokens + count) > decoder.WindowStart(sequence.ComputedTokens))
        {
            Store(sequence, sequence.ComputedTokens);
        }
    }

    /// <summary>Stores a sequence that is about to lose its slot.</summary>
    public void Store(Sequence sequence) => Store(sequence, sequence.ComputedTokens);

    private void Store(Sequence sequence, int length)
    {
        if (length >= PrefixCache.BlockTokens && sequence.UsesPrefixCache)
        {
            prefixes.Store(sequence.Slot, sequence.Tokens[..length], sequence.Adapter);
        }
    }
}
