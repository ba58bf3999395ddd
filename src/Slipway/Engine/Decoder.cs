using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine;

/// <summary>Runs the decoder graph over rows of the key-value cache, which stay bound between runs.</summary>
/// <remarks>
/// A prompt runs on one row, a decode step on the first rows together; a row's true length comes from its mask. Runs of prompts
/// have tensors of their own, so that others can run while one is interrupted.
/// </remarks>
internal sealed partial class Decoder : IDecoder
{
    // Logits of every position of a prompt's chunk stay below this where the graph has no 'logits_to_keep'.
    private const long LargestLogitsBytes = 32L << 20;

    private readonly InferenceSession session;
    private readonly DecoderGraph graph;
    private readonly KeyValueCache cache;
    private readonly RowStates states;
    private readonly RunOptions runOptions = new();
    private readonly StepTensors promptTensors;
    private readonly StepTensors answerTensors;
    private readonly OrtValue keepAll = OrtValue.CreateTensorValueFromMemory(new long[] { 0 }, [1]);
    private readonly OrtValue keepLast = OrtValue.CreateTensorValueFromMemory(new long[] { 1 }, [1]);
    private readonly long[] plannedLength = [0];
    private readonly OrtValue planned;
    private readonly bool skipsRows;
    private int[] reached = [];
    private bool isPrompt;

    /// <param name="session">Runs the graph.</param>
    /// <param name="graph">Its inputs and outputs.</param>
    /// <param name="adapters">The adapters beside it; null for none.</param>
    /// <param name="skipsRows">
    /// Whether the graph is one of this library's own operators that leave a row alone whose mask is all zeros.
    /// </param>
    public Decoder(
        InferenceSession session,
        DecoderGraph graph,
        AdapterSet? adapters = null,
        bool skipsRows = false)
    {
        this.adapters = adapters;
        this.session = session;
        this.skipsRows = skipsRows;
        this.graph = graph;
        planned = OrtValue.CreateTensorValueFromMemory(plannedLength, [1]);
        promptTensors = new StepTensors(this);
        answerTensors = new StepTensors(this);
        cache = new KeyValueCache(graph);
        states = new RowStates(graph.States);
    }

    public int Rows => cache.Rows;

    public int Capacity => cache.Capacity;

    public int RotarySwitch => graph.RotarySwitch;

    public bool CanDropTokens => graph.States.Count == 0;

    // A row whose run is interrupted must stay as it is; its states would be written, and the planned length is all runs'.
    public bool CanInterrupt
        => skipsRows && graph.States.Count == 0 && graph.Window is null && graph.PlannedLength is null;

    public int LargestScoredChunk => (int)Math.Clamp(LargestLogitsBytes / (4L * graph.VocabularySize), 1, 512);

    public int LargestChunk => graph.LogitsToKeep is null ? LargestScoredChunk : int.MaxValue;

    public long BytesFor(int rows, int capacity) => cache.BytesFor(rows, capacity) + states.BytesFor(rows);

    public void Plan(int length) => plannedLength[0] = length;

    public void BeginChunk(bool isPrompt) => this.isPrompt = isPrompt;

    public ReadOnlySpan<float> Prefill(int row, int start, ReadOnlySpan<int> tokens, bool every)
    {
        var kept = every || graph.LogitsToKeep is null ? tokens.Length : 1;
        var tensors = isPrompt ? promptTensors : answerTensors;
        tensors.Reserve(tokens.Length, kept);
        var binding = tensors.Row(session, row);
        tensors.SetTokens(tokens, start);
        binding.BindTokens(tokens.Length, kept, every, tensors.SetMask([start + tokens.Length]));
        binding.BindAdapters();
        if (start == 0)
        {
            states.Clear(row);
        }

        BeginRun(row, start);
        session.RunWithBinding(runOptions, binding.IoBinding);
        EndRun(row, start + tokens.Length);
        states.Commit(row);
        var result = tensors.ReadLogits(kept);
        return every || kept == 1 ? result : result[^graph.VocabularySize..];
    }

    public ReadOnlySpan<float> Decode(ReadOnlySpan<int> tokens, ReadOnlySpan<int> lengths)
    {
        var rows = tokens.Length;
        Plan(0);
        answerTensors.Reserve(rows, rows);
        var binding = answerTensors.FirstRows(session, rows);
        var ids = answerTensors.Ids(rows);
        var positions = answerTensors.Positions(rows);
        using var lastTokens = new LastTokens(this);
        for (var row = 0; row < rows; row++)
        {
            var length = lengths[row];
            ids[row] = Math.Max(tokens[row], 0);
            if (tokens[row] < 0 && skipsRows)
            {
                (positions[row], reached[row]) = (0, 0);
                continue;
            }

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

            positions[row] = length;
            reached[row] = length + 1;
        }

        binding.BindTokens(1, 1, every: false, answerTensors.SetMask(reached.AsSpan(0, rows)));
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

        return answerTensors.ReadLogits(rows);
    }

    public void Terminate(bool terminate) => runOptions.Terminate = terminate;

    public void Dispose()
    {
        promptTensors.Dispose();
        answerTensors.Dispose();
        adapters?.Dispose();
        cache.Dispose();
        states.Dispose();
        keepAll.Dispose();
        keepLast.Dispose();
        planned.Dispose();
        runOptions.Dispose();
    }

    private static OrtValue Wrap(NativeBuffer buffer, TensorElementType type, long[] shape, int width)
        => OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, type, shape, buffer.Address, TensorPrimitives.Product<long>(shape) * width);
}
