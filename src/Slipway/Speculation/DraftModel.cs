using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Slipway.Engine;

namespace Slipway.Speculation;

/// <summary>Guesses tokens with a smaller model, whose most probable continuation is the guess.</summary>
/// <remarks>
/// It keeps a row of keys and values for each of a few sequences, known by their tokens and nothing else: a row goes on
/// from where its tokens and those asked about part, whoever had it before. So wrong guesses, sequences that were
/// computed again and later turns need no care. Belongs to the engine's thread, but for <see cref="Terminate"/>.
/// Source: Leviathan and others, "Fast inference from transformers via speculative decoding", 2023, where the draft's
/// choice has all its probability.
/// </remarks>
/// <param name="decoder">Runs the model; disposed with this.</param>
/// <param name="contextLength">The longest sequence that it takes.</param>
/// <param name="bytes">The most bytes of its keys and values.</param>
/// <param name="sequences">The most sequences that have a row.</param>
/// <param name="chunk">The most tokens of a run.</param>
internal sealed class DraftModel(IDecoder decoder, int contextLength, long bytes, int sequences, int chunk)
    : IDisposable
{
    private const int CapacityStep = 64;
    private const double Memory = 0.75;

    private readonly List<int>[] _rows = [.. Enumerable.Range(0, sequences).Select(_ => new List<int>())];
    private readonly long[] _used = new long[sequences];
    private long _clock;

    /// <summary>How long a token's guess takes.</summary>
    public TimeSpan TokenTime { get; private set; }

    /// <summary>Bytes of keys and values that it has now.</summary>
    public long Bytes => decoder.BytesFor(decoder.Rows, decoder.Capacity);

    /// <summary>Guesses what follows.</summary>
    /// <param name="tokens">Prompt and answer so far.</param>
    /// <param name="guess">Where the guess goes.</param>
    /// <returns>
    /// Whether there is one: none where there is no room, and none yet where more tokens were new than one run takes.
    /// </returns>
    public bool TryDraft(ReadOnlySpan<int> tokens, Span<int> guess)
    {
        var needed = tokens.Length + guess.Length;
        if (guess.IsEmpty || needed > Math.Min(contextLength, decoder.LongRopeThreshold) || !TryMakeRoom(needed))
        {
            return false;
        }

        var row = Find(tokens);
        var known = _rows[row];
        var same = Math.Min(CollectionsMarshal.AsSpan(known).CommonPrefixLength(tokens), tokens.Length - 1);
        same = decoder.FirstHeld(row) == decoder.WindowStart(same) ? same : 0;
        known.RemoveRange(same, known.Count - same);
        _used[row] = ++_clock;
        var isCaughtUp = tokens.Length - same <= chunk;
        var next = Run(row, tokens.Slice(same, Math.Min(tokens.Length - same, chunk)), isPrompt: !isCaughtUp);
        if (!isCaughtUp)
        {
            return false;
        }

        var started = Stopwatch.GetTimestamp();
        guess[0] = next;
        for (var i = 1; i < guess.Length; i++)
        {
            guess[i] = Run(row, guess.Slice(i - 1, 1), isPrompt: false);
        }

        if (guess.Length > 1)
        {
            var time = Stopwatch.GetElapsedTime(started) / (guess.Length - 1);
            TokenTime = TokenTime == default ? time : (Memory * TokenTime) + ((1 - Memory) * time);
        }

        return true;
    }

    /// <summary>Gives all memory back.</summary>
    public void Release()
    {
        decoder.Resize(0, 0, []);
        Array.ForEach(_rows, row => row.Clear());
    }

    /// <summary>Asks the run in progress to end, or lets later ones go on; safe from any thread.</summary>
    public void Terminate(bool terminate) => decoder.Terminate(terminate);

    public void Dispose() => decoder.Dispose();

    private int Run(int row, ReadOnlySpan<int> tokens, bool isPrompt)
    {
        var known = _rows[row];
        decoder.Plan(known.Count + tokens.Length);
        decoder.BeginChunk(isPrompt);
        decoder.Adapt([0]);
        var logits = decoder.Prefill(row, known.Count, tokens, every: false);
        known.AddRange(tokens);
        return TensorPrimitives.IndexOfMax(logits);
    }

    // The row that knows most of the tokens, or else the one that was not used for the longest time.
    private int Find(ReadOnlySpan<int> tokens)
    {
        var (best, max) = (-1, 0);
        for (var row = 0; row < _rows.Length; row++)
        {
            var same = CollectionsMarshal.AsSpan(_rows[row]).CommonPrefixLength(tokens);
            if (same > max && same * 2 > _rows[row].Count)
            {
                (best, max) = (row, same);
            }
        }

        return best >= 0 ? best : Array.IndexOf(_used, _used.Min());
    }

    private bool TryMakeRoom(int needed)
    {
        if (decoder.Rows > 0 && needed <= decoder.Capacity)
        {
            return true;
        }

        foreach (var wanted in (int[])[Math.Max(needed, 2 * decoder.Capacity), needed])
        {
            var capacity = Math.Min((wanted + CapacityStep - 1) / CapacityStep * CapacityStep, contextLength);
            if (decoder.BytesFor(_rows.Length, capacity) <= bytes)
            {
                try
                {
                    decoder.Resize(_rows.Length, capacity, [.. _rows.Take(decoder.Rows).Select(row => row.Count)]);
                }
                catch
                {
                    Array.ForEach(_rows, row => row.Clear());
                    throw;
                }

                return true;
            }
        }

        return false;
    }
}
