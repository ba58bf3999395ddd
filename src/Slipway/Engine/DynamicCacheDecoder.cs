using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine;

/// <summary>Runs a decoder graph that returns past and new keys and values as tensors of their own.</summary>
/// <remarks>
/// This is the layout that Hugging Face Optimum writes. Each run packs the past of its rows and takes the new tokens'
/// part of what comes back, so a step costs copies that <see cref="Decoder"/> does without. Only rows of one length run
/// together: then nothing is padded, and what a graph makes of padding does not matter.
/// </remarks>
internal sealed class DynamicCacheDecoder(InferenceSession session, DecoderGraph graph) : IDecoder
{
    private const long MaxLogitsBytes = 32L << 20;

    private readonly KeyValueCache _cache = new(graph);
    private readonly RunOptions _runOptions = new();
    private float[] _logits = [];

    public int Rows => _cache.Rows;

    public int Capacity => _cache.Capacity;

    public int MaxScoredChunk => (int)Math.Clamp(MaxLogitsBytes / (4L * graph.VocabularySize), 1, 512);

    public int MaxChunk => MaxScoredChunk;

    public long BytesFor(int rows, int capacity) => _cache.BytesFor(rows, capacity);

    public void Resize(int rows, int capacity, ReadOnlySpan<int> lengths)
    {
        if (rows == 0)
        {
            _cache.Dispose();
            return;
        }

        _cache.Resize(rows, capacity, lengths);
    }

    public void CopyRow(int from, int to, int length) => _cache.CopyRow(from, to, length);

    public void ReadTokens(int row, int start, int count, NativeBuffer destination)
        => _cache.CopyTokens(row, start, count, destination, read: true);

    public void WriteTokens(int row, int start, int count, NativeBuffer source)
        => _cache.CopyTokens(row, start, count, source, read: false);

    // Graphs of this layout have no adapters.
    public void Adapt(ReadOnlySpan<int> adapters)
    {
    }

    public ReadOnlySpan<float> Prefill(int row, int start, ReadOnlySpan<int> tokens, bool every)
    {
        Reserve(tokens.Length);
        Run([row], start, tokens, _logits);
        var all = _logits.AsSpan(0, tokens.Length * graph.VocabularySize);
        return every ? all : all[^graph.VocabularySize..];
    }

    public ReadOnlySpan<float> Decode(ReadOnlySpan<int> tokens, ReadOnlySpan<int> lengths)
    {
        var size = graph.VocabularySize;
        Reserve(tokens.Length);
        int[] ids = tokens.ToArray(), starts = lengths.ToArray();
        foreach (var group in Enumerable.Range(0, ids.Length).Where(row => ids[row] >= 0).GroupBy(row => starts[row]))
        {
            int[] rows = [.. group];
            var together = new float[rows.Length * size];
            Run(rows, group.Key, Array.ConvertAll(rows, row => ids[row]), together);
            for (var i = 0; i < rows.Length; i++)
            {
                together.AsSpan(i * size, size).CopyTo(_logits.AsSpan(rows[i] * size));
            }
        }

        return _logits.AsSpan(0, tokens.Length * size);
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

    // Runs as many tokens on each of some rows of one length; tokens and logits are those of the rows in turn.
    private void Run(int[] rows, int start, ReadOnlySpan<int> tokens, Span<float> destination)
    {
        var count = tokens.Length / rows.Length;
        var inputs = new Dictionary<string, OrtValue>(StringComparer.Ordinal)
        {
            [graph.InputIds] = Integers([.. Widened(tokens)], rows.Length, count),
            [graph.AttentionMask] = Integers(
                [.. Enumerable.Repeat(1L, rows.Length * (start + count))], rows.Length, start + count),
        };
        try
        {
            if (graph.PositionIds is { } positions)
            {
                inputs[positions] = Integers(
                    [.. rows.SelectMany(_ => Enumerable.Range(start, count)).Select(position => (long)position)],
                    rows.Length, count);
            }

            for (var i = 0; i < graph.Cache.Count; i++)
            {
                inputs[graph.Cache[i].Past] = _cache.Pack(i, rows, start);
            }

            string[] names = [graph.Logits, .. graph.Cache.Select(tensor => tensor.Present)];
            using var outputs = session.Run(_runOptions, inputs, names);
            for (var i = 0; i < graph.Cache.Count; i++)
            {
                _cache.Unpack(i, rows, start, count, outputs[i + 1]);
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

    private static OrtValue Integers(long[] values, long rows, long columns)
        => OrtValue.CreateTensorValueFromMemory(values, [rows, columns]);

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
