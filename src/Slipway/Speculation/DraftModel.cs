using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Slipway.Engine.Execution;

namespace Slipway.Speculation;

/// <summary>Drafts tokens with a smaller model: its most probable continuation is the draft.</summary>
/// <remarks>
/// The model keeps a slot of keys and values for each of a few sequences, known by their tokens and nothing else. A
/// slot goes on from where its tokens and those of a request part, whoever had it before; so rejected drafts, sequences
/// that are computed again and later turns need no care. Belongs to the engine's thread, but for
/// <see cref="Terminate"/>. Source: Leviathan and others, "Fast inference from transformers via speculative decoding",
/// 2023, where the draft's choice has all its probability.
/// </remarks>
/// <param name="decoder">Runs the model; disposed with this.</param>
/// <param name="contextLength">The longest sequence that the model takes.</param>
/// <param name="bytes">The maximum of bytes of keys and values.</param>
/// <param name="tryHold">Lets keys and values take other bytes than before; false where other models leave no
/// room.</param>
/// <param name="sequences">The maximum of sequences that have a slot.</param>
/// <param name="chunk">The maximum of tokens of a run.</param>
internal sealed class DraftModel(
    IDecoder decoder, int contextLength, long bytes, Func<long, bool> tryHold, int sequences, int chunk) : IDisposable
{
    private const int CapacityStep = 64;
    private const double Memory = 0.75;

    private readonly List<int>[] _slots = [.. Enumerable.Range(0, sequences).Select(_ => new List<int>())];
    private readonly long[] _used = new long[sequences];
    private long _clock;

    /// <summary>Time that the draft of a token takes.</summary>
    public TimeSpan TokenTime { get; private set; }

    /// <summary>Bytes of keys and values that are allocated now.</summary>
    public long Bytes => decoder.BytesFor(decoder.Slots, decoder.Capacity);

    /// <summary>Drafts what follows.</summary>
    /// <param name="tokens">Prompt and answer so far.</param>
    /// <param name="draft">Where the draft goes.</param>
    /// <returns>
    /// Whether there is a draft: none where there is no room, and none yet where more tokens are new than one run
    /// takes.
    /// </returns>
    public bool TryDraft(ReadOnlySpan<int> tokens, Span<int> draft)
    {
        var needed = tokens.Length + draft.Length;
        if (draft.IsEmpty || needed > Math.Min(contextLength, decoder.LongRopeThreshold) || !TryMakeRoom(needed))
        {
            return false;
        }

        var slot = Find(tokens);
        var known = _slots[slot];
        var same = Math.Min(CollectionsMarshal.AsSpan(known).CommonPrefixLength(tokens), tokens.Length - 1);
        same = decoder.FirstHeld(slot) == decoder.WindowStart(same) ? same : 0;
        known.RemoveRange(same, known.Count - same);
        _used[slot] = ++_clock;
        var isCaughtUp = tokens.Length - same <= chunk;
        var next = Run(slot, tokens.Slice(same, Math.Min(tokens.Length - same, chunk)));
        if (!isCaughtUp)
        {
            return false;
        }

        var started = Stopwatch.GetTimestamp();
        draft[0] = next;
        for (var i = 1; i < draft.Length; i++)
        {
            draft[i] = Run(slot, draft.Slice(i - 1, 1));
        }

        if (draft.Length > 1)
        {
            var time = Stopwatch.GetElapsedTime(started) / (draft.Length - 1);
            TokenTime = TokenTime == default ? time : (Memory * TokenTime) + ((1 - Memory) * time);
        }

        return true;
    }

    /// <summary>Gives all memory back.</summary>
    public void Release()
    {
        decoder.Resize(0, 0, []);
        Array.ForEach(_slots, known => known.Clear());
        tryHold(0);
    }

    /// <summary>Asks the run in progress to end, or lets later ones go on; safe from any thread.</summary>
    public void Terminate(bool terminate) => decoder.Terminate(terminate);

    public void Dispose() => decoder.Dispose();

    private int Run(int slot, ReadOnlySpan<int> tokens)
    {
        var known = _slots[slot];
        var logits = decoder.Prefill(new PrefillRun
        {
            Slot = slot, Start = known.Count, Tokens = tokens, PlannedLength = known.Count + tokens.Length,
        });
        known.AddRange(tokens);
        return TensorPrimitives.IndexOfMax(logits);
    }

    // Reuses the slot with the longest common prefix, else the least recently used one.
    private int Find(ReadOnlySpan<int> tokens)
    {
        var (best, max) = (-1, 0);
        for (var slot = 0; slot < _slots.Length; slot++)
        {
            var same = CollectionsMarshal.AsSpan(_slots[slot]).CommonPrefixLength(tokens);
            if (same > max && same * 2 > _slots[slot].Count)
            {
                (best, max) = (slot, same);
            }
        }

        return best >= 0 ? best : Array.IndexOf(_used, _used.Min());
    }

    private bool TryMakeRoom(int needed)
    {
        if (decoder.Slots > 0 && needed <= decoder.Capacity)
        {
            return true;
        }

        foreach (var wanted in (int[])[Math.Max(needed, 2 * decoder.Capacity), needed])
        {
            var capacity = Math.Min((wanted + CapacityStep - 1) / CapacityStep * CapacityStep, contextLength);
            if (decoder.BytesFor(_slots.Length, capacity) is var needs && needs <= bytes && tryHold(needs))
            {
                try
                {
                    decoder.Resize(
                        _slots.Length, capacity, [.. _slots.Take(decoder.Slots).Select(known => known.Count)]);
                }
                catch
                {
                    Array.ForEach(_slots, known => known.Clear());
                    tryHold(Bytes);
                    throw;
                }

                return true;
            }
        }

        return false;
    }
}
