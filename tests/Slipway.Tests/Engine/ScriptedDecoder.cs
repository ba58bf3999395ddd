using Slipway.Engine.Execution;

namespace Slipway.Tests.Engine;

/// <summary>
/// A decoder whose logits are a function of the tokens that its slot holds: exact in every batch and chunk.
/// </summary>
/// <param name="inner">The decoder that it stands for; only disposed.</param>
/// <param name="script">Fills the logits that follow the tokens.</param>
internal sealed class ScriptedDecoder(IDecoder inner, ScriptedDecoder.Script script) : IDecoder
{
    public const int Vocabulary = 256;

    /// <summary>What a token of the package 'llama-int4' takes.</summary>
    public const int TokenBytes = 3 * 2 * 2 * 16 * 4;

    private readonly Dictionary<int, bool> _usesLongRope = [];
    private int[][] _cells = [];
    private float[] _logits = [];

    public delegate void Script(ReadOnlySpan<int> tokens, Span<float> logits);

    /// <summary>Runs so far, of prompts and of steps.</summary>
    public int Runs { get; private set; }

    public int Slots => _cells.Length;

    public int Capacity { get; private set; }

    public int MaxPrefillTokens => 64;

    public int MaxScoredTokens => 48;

    public bool CanEvictTokens { get; init; } = true;

    public int LongRopeThreshold { get; init; } = int.MaxValue;

    public long BytesFor(int slots, int capacity) => (long)slots * capacity * TokenBytes;

    public void Resize(int slots, int capacity, ReadOnlySpan<int> lengths)
    {
        var resized = new int[slots][];
        for (var slot = 0; slot < slots; slot++)
        {
            resized[slot] = new int[capacity];
            if (slot < Math.Min(_cells.Length, lengths.Length))
            {
                _cells[slot].AsSpan(0, lengths[slot]).CopyTo(resized[slot]);
            }
        }

        (_cells, Capacity) = (resized, capacity);
    }

    public void CopySlot(int from, int to, int length)
    {
        _cells[from].AsSpan(0, length).CopyTo(_cells[to]);
        _usesLongRope[to] = _usesLongRope.GetValueOrDefault(from);
    }

    public void ReadTokens(int slot, int start, int count, NativeBuffer destination)
        => _cells[slot].AsSpan(start, count).CopyTo(destination.AsSpan<int>(0, count));

    public void WriteTokens(int slot, int start, int count, NativeBuffer source)
    {
        // What is kept was computed with the first frequencies.
        _usesLongRope[slot] = false;
        source.AsSpan<int>(0, count).CopyTo(_cells[slot].AsSpan(start));
    }

    public ReadOnlySpan<float> Prefill(scoped in PrefillRun run)
    {
        Runs++;
        if (run.Start == 0)
        {
            _usesLongRope[run.Slot] = run.PlannedLength > LongRopeThreshold;
        }

        CheckFrequencies(run.Slot, Math.Max(run.PlannedLength, run.End));
        run.Tokens.CopyTo(_cells[run.Slot].AsSpan(run.Start));
        var kept = run.KeepsAllLogits ? run.Tokens.Length : 1;
        Reserve(kept);
        for (var i = 0; i < kept; i++)
        {
            Write(run.Slot, run.End - kept + i + 1, i);
        }

        return _logits.AsSpan(0, kept * Vocabulary);
    }

    public ReadOnlySpan<float> Decode(scoped in DecodeRun run)
    {
        Runs++;
        Reserve(run.Tokens.Length);
        for (var slot = 0; slot < run.Tokens.Length; slot++)
        {
            // An inactive slot is written to like any other.
            _cells[slot][run.Lengths[slot]] = run.Tokens[slot];
            Write(slot, run.Lengths[slot] + 1, slot);
            if (run.Tokens[slot] >= 0)
            {
                CheckFrequencies(slot, run.Lengths[slot] + 1);
            }
        }

        return _logits.AsSpan(0, run.Tokens.Length * Vocabulary);
    }

    public void Terminate(bool terminate)
    {
    }

    public void Dispose() => inner.Dispose();

    // The first set of frequencies is for sequences up to the switch, the second for longer ones.
    private void CheckFrequencies(int slot, int length)
    {
        if (_usesLongRope.GetValueOrDefault(slot) != length > LongRopeThreshold)
        {
            throw new InvalidOperationException(
                $"A slot of '{length}' tokens changes its frequencies at '{LongRopeThreshold}'.");
        }
    }

    private void Write(int slot, int length, int index)
    {
        var target = _logits.AsSpan(index * Vocabulary, Vocabulary);
        target.Clear();
        if (_cells[slot][length - 1] >= 0)
        {
            script(_cells[slot].AsSpan(0, length), target);
        }
    }

    private void Reserve(int positions) => _logits = _logits.Length < positions * Vocabulary
        ? new float[positions * Vocabulary]
        : _logits;
}
