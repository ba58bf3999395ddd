using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Engine.Cache;

namespace Slipway.Engine.Execution;

/// <summary>Runs a decoder graph that returns past and new keys and values as tensors of their own.</summary>
/// <remarks>
/// This is the layout that Hugging Face Optimum writes. Each run packs the past of its slots and takes the new tokens'
/// part of what comes back, so a step costs copies that <see cref="Decoder"/> does without. Only slots of one length
/// run together: then nothing is padded, and what a graph makes of padding does not matter.
/// </remarks>
internal sealed class DynamicCacheDecoder(InferenceSession session, DecoderGraph graph) : IDecoder
{
    private const long MaxLogitsBytes = 32L << 20;

    private readonly KeyValueCache _cache = new(graph, TensorMemory.Host);
    private readonly RunOptions _runOptions = new();
    private float[] _logits = [];

    public int Slots => _cache.Slots;

    public int Capacity => _cache.Capacity;

    public int MaxScoredTokens => (int)Math.Clamp(MaxLogitsBytes / (4L * graph.VocabularySize), 1, 512);

    public int MaxPrefillTokens => MaxScoredTokens;

    public long BytesFor(int slots, int capacity) => _cache.BytesFor(slots, capacity);

    public void Resize(int slots, int capacity, ReadOnlySpan<int> lengths)
    {
        if (slots == 0)
        {
            _cache.Dispose();
            return;
        }

        _cache.Resize(slots, capacity, lengths);
    }

    public void CopySlot(int from, int to, int length) => _cache.CopySlot(from, to, length);

    public void ReadTokens(int slot, int start, int count, NativeBuffer destination)
        => _cache.CopyTokens(slot, start, count, destination, read: true);

    public void WriteTokens(int slot, int start, int count, NativeBuffer source)
        => _cache.CopyTokens(slot, start, count, source, read: false);

    // Graphs of this layout have no adapters.
    public ReadOnlySpan<float> Prefill(scoped in PrefillRun run)
    {
        Reserve(run.Tokens.Length);
        Run([run.Slot], run.Start, run.Tokens, _logits);
        var all = _logits.AsSpan(0, run.Tokens.Length * graph.VocabularySize);
        return run.KeepsAllLogits ? all : all[^graph.VocabularySize..];
    }

    public ReadOnlySpan<float> Decode(scoped in DecodeRun run)
    {
        var size = graph.VocabularySize;
        Reserve(run.Tokens.Length);
        int[] ids = run.Tokens.ToArray(), starts = run.Lengths.ToArray();
        foreach (var group in Enumerable.Range(0, ids.Length).Where(slot => ids[slot] >= 0)
            .GroupBy(slot => starts[slot]))
        {
            int[] slots = [.. group];
            var together = new float[slots.Length * size];
            Run(slots, group.Key, Array.ConvertAll(slots, slot => ids[slot]), together);
            for (var i = 0; i < slots.Length; i++)
            {
                together.AsSpan(i * size, size).CopyTo(_logits.AsSpan(slots[i] * size));
            }
        }

        return _logits.AsSpan(0, ids.Length * size);
    }

    public void Terminate(bool terminate) => _runOptions.Terminate = terminate;

    public void Dispose()
    {
        _cache.Dispose();
        _runOptions.Dispose();
    }

    private void Reserve(int positions)
    {
        if (_logits.Length < positions * graph.VocabularySize)
        {
            _logits = new float[positions * graph.VocabularySize];
        }
    }

    // Runs as many tokens on each of some slots of one length; tokens and logits are those of the slots in turn.
    private void Run(int[] slots, int start, ReadOnlySpan<int> tokens, Span<float> destination)
    {
        var count = tokens.Length / slots.Length;
        var inputs = new Dictionary<string, OrtValue>(StringComparer.Ordinal)
        {
            [graph.InputIds] = Integers([.. Widened(tokens)], slots.Length, count),
            [graph.AttentionMask] = Integers(
                [.. Enumerable.Repeat(1L, slots.Length * (start + count))], slots.Length, start + count),
        };
        try
        {
            if (graph.PositionIds is { } positions)
            {
                inputs[positions] = Integers(
                    [.. slots.SelectMany(_ => Enumerable.Range(start, count)).Select(position => (long)position)],
                    slots.Length, count);
            }

            for (var i = 0; i < graph.Cache.Count; i++)
            {
                inputs[graph.Cache[i].Past] = _cache.Pack(i, slots, start);
            }

            string[] names = [graph.Logits, .. graph.Cache.Select(tensor => tensor.Present)];
            using var outputs = session.Run(_runOptions, inputs, names);
            for (var i = 0; i < graph.Cache.Count; i++)
            {
                _cache.Unpack(i, slots, start, count, outputs[i + 1]);
            }

            Read(outputs[0], destination);
        }
        finally
        {
            foreach (var input in inputs.Values)
            {
                input.Dispose();
            }
        }
    }

    private static long[] Widened(ReadOnlySpan<int> tokens)
    {
        var wide = new long[tokens.Length];
        TensorPrimitives.ConvertChecked(tokens, wide);
        return wide;
    }

    private static OrtValue Integers(long[] values, long slots, long columns)
        => OrtValue.CreateTensorValueFromMemory(values, [slots, columns]);

    private void Read(OrtValue value, Span<float> destination)
    {
        if (graph.LogitsType == TensorElementType.Float)
        {
            value.GetTensorDataAsSpan<float>().CopyTo(destination);
            return;
        }

        TensorPrimitives.ConvertToSingle(value.GetTensorDataAsSpan<Half>(), destination);
    }
}
