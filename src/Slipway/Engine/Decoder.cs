using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine;

/// <summary>Runs the decoder graph over rows of the key-value cache, which stay bound between runs.</summary>
/// <remarks>
/// A prompt runs on one row, a decode step on the first rows together; a row's true length comes from its mask.
/// </remarks>
internal sealed partial class Decoder : IDecoder
{
    // Logits of every position of a prompt's chunk stay below this where the graph has no 'logits_to_keep'.
    private const long LargestLogitsBytes = 32L << 20;

    private const int MaskStep = 64;

    private readonly InferenceSession session;
    private readonly InferenceSession prefillSession;
    private readonly DecoderGraph graph;
    private readonly KeyValueCache cache;
    private readonly RowStates states;
    private readonly RunOptions runOptions = new();
    private readonly List<Binding?> decodeBindings = [];
    private readonly List<Binding?> prefillBindings = [];
    private readonly List<Binding?> promptBindings = [];
    private readonly OrtValue keepAll = OrtValue.CreateTensorValueFromMemory(new long[] { 0 }, [1]);
    private readonly OrtValue keepLast = OrtValue.CreateTensorValueFromMemory(new long[] { 1 }, [1]);
    private readonly long[] plannedLength = [0];
    private readonly OrtValue planned;
    private NativeBuffer? mask;
    private NativeBuffer? ids;
    private NativeBuffer? positions;
    private NativeBuffer? logits;
    private float[] converted = [];
    private int[] reached = [];
    private bool isPrompt;

    /// <param name="session">Runs the graph.</param>
    /// <param name="graph">Its inputs and outputs.</param>
    /// <param name="adapters">The adapters beside it; null for none.</param>
    /// <param name="prefill">Runs a graph with the same inputs and outputs for prompts; null for the same graph.</param>
    public Decoder(
        InferenceSession session, DecoderGraph graph, AdapterSet? adapters = null, InferenceSession? prefill = null)
    {
        this.adapters = adapters;
        this.session = session;
        prefillSession = prefill ?? session;
        this.graph = graph;
        planned = OrtValue.CreateTensorValueFromMemory(plannedLength, [1]);
        cache = new KeyValueCache(graph);
        states = new RowStates(graph.States);
    }

    public int Rows => cache.Rows;

    public int Capacity => cache.Capacity;

    public int RotarySwitch => graph.RotarySwitch;

    public bool CanDropTokens => graph.States.Count == 0;

    public int LargestScoredChunk => (int)Math.Clamp(LargestLogitsBytes / (4L * graph.VocabularySize), 1, 512);

    public int LargestChunk => graph.LogitsToKeep is null ? LargestScoredChunk : int.MaxValue;

    public long BytesFor(int rows, int capacity) => cache.BytesFor(rows, capacity) + states.BytesFor(rows);

    public void Plan(int length) => plannedLength[0] = length;

    public void BeginChunk(bool isPrompt) => this.isPrompt = isPrompt;

    public ReadOnlySpan<float> Prefill(int row, int start, ReadOnlySpan<int> tokens, bool every)
    {
        var kept = every || graph.LogitsToKeep is null ? tokens.Length : 1;
        Reserve(tokens.Length, kept);
        var runner = isPrompt ? prefillSession : session;
        var binding = Find(isPrompt ? promptBindings : prefillBindings, runner, row, row, 1);
        SetTokens(tokens, start);
        binding.BindTokens(tokens.Length, kept, every, SetMask([start + tokens.Length]));
        binding.BindAdapters();
        if (start == 0)
        {
            states.Clear(row);
        }

        BeginRun(row, start);
        runner.RunWithBinding(runOptions, binding.IoBinding);
        EndRun(row, start + tokens.Length);
        states.Commit(row);
        var result = ReadLogits(kept);
        return every || kept == 1 ? result : result[^graph.VocabularySize..];
    }

    public ReadOnlySpan<float> Decode(ReadOnlySpan<int> tokens, ReadOnlySpan<int> lengths)
    {
        var rows = tokens.Length;
        Plan(0);
        Reserve(rows, rows);
        var binding = Find(decodeBindings, session, rows, 0, rows);
        var idSpan = ids!.AsSpan<long>(0, rows);
        using var lastTokens = new LastTokens(this);
        for (var row = 0; row < rows; row++)
        {
            var length = lengths[row];
            idSpan[row] = Math.Max(tokens[row], 0);
            if (tokens[row] >= 0 && length == 0)
            {
                states.Clear(row);
            }

            if (tokens[row] >= 0)
            {
                BeginRun(row, length);
            }
            else if (lastTokens.TryAdd(row, length))
            {
                length--;
            }

            positions!.AsSpan<long>(row, 1)[0] = length;
            reached[row] = length + 1;
        }

        binding.BindTokens(1, 1, every: false, SetMask(reached.AsSpan(0, rows)));
        binding.BindAdapters();
        session.RunWithBinding(runOptions, binding.IoBinding);
        for (var row = 0; row < rows; row++)
        {
            if (tokens[row] >= 0)
            {
                EndRun(row, reached[row]);
                states.Commit(row);
            }
        }

        return ReadLogits(rows);
    }

    public void Terminate(bool terminate) => runOptions.Terminate = terminate;

    public void Dispose()
    {
        ReleaseBindings();
        adapters?.Dispose();
        cache.Dispose();
        states.Dispose();
        mask?.Dispose();
        ReleaseStep();
        keepAll.Dispose();
        keepLast.Dispose();
        planned.Dispose();
        runOptions.Dispose();
    }

    private Binding Find(List<Binding?> bindings, InferenceSession runner, int index, int firstRow, int rows)
    {
        while (bindings.Count <= index)
        {
            bindings.Add(null);
        }

        return bindings[index] ??= new Binding(this, runner, firstRow, rows);
    }

    private void SetTokens(ReadOnlySpan<int> tokens, int start)
    {
        var idSpan = ids!.AsSpan<long>(0, tokens.Length);
        var positionSpan = positions!.AsSpan<long>(0, tokens.Length);
        for (var i = 0; i < tokens.Length; i++)
        {
            idSpan[i] = tokens[i];
            positionSpan[i] = start + i;
        }
    }

    // Only as wide as the longest row, in steps: kernels take scratch memory and time by the width.
    private int SetMask(ReadOnlySpan<int> lengths)
    {
        var longest = TensorPrimitives.Max(lengths);
        var width = Math.Min((longest + MaskStep - 1) / MaskStep * MaskStep, cache.Capacity);
        for (var row = 0; row < lengths.Length; row++)
        {
            var span = mask!.AsSpan<long>((long)row * width, width);
            span[..lengths[row]].Fill(1);
            span[lengths[row]..].Clear();
        }

        return width;
    }

    private void Reserve(int tokens, int kept)
    {
        var width = graph.LogitsType == TensorElementType.Float16 ? 2L : 4L;
        var logitsBytes = width * kept * graph.VocabularySize;
        if (ids?.Bytes >= 8L * tokens && logits?.Bytes >= logitsBytes)
        {
            return;
        }

        // Bindings refer to these buffers by address.
        ReleaseBindings();
        try
        {
            Grow(ref ids, 8L * tokens);
            Grow(ref positions, 8L * tokens);
            Grow(ref logits, logitsBytes);
            if (graph.LogitsType == TensorElementType.Float16)
            {
                converted = new float[Math.Max(converted.Length, kept * graph.VocabularySize)];
            }
        }
        catch
        {
            // The first of them tells whether all are large enough.
            ReleaseStep();
            throw;
        }
    }

    private void ReleaseStep()
    {
        ids?.Dispose();
        positions?.Dispose();
        logits?.Dispose();
        ids = positions = logits = null;
        converted = [];
    }

    private static void Grow(ref NativeBuffer? buffer, long bytes)
    {
        if (buffer is null || buffer.Bytes < bytes)
        {
            buffer?.Dispose();
            buffer = null;
            buffer = new NativeBuffer(bytes);
        }
    }

    private ReadOnlySpan<float> ReadLogits(int positionsKept)
    {
        var count = positionsKept * graph.VocabularySize;
        if (graph.LogitsType == TensorElementType.Float)
        {
            return logits!.AsSpan<float>(0, count);
        }

        TensorPrimitives.ConvertToSingle(logits!.AsSpan<Half>(0, count), converted);
        return converted.AsSpan(0, count);
    }

    private void ReleaseBindings()
    {
        foreach (var binding in decodeBindings.Concat(prefillBindings).Concat(promptBindings))
        {
            binding?.Dispose();
        }

        decodeBindings.Clear();
        prefillBindings.Clear();
        promptBindings.Clear();
    }
}
