using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine;

/// <summary>Runs the decoder graph over rows of the key-value cache, which stay bound between runs.</summary>
/// <remarks>
/// A prompt runs on one row, a decode step on the first rows together; a row's true length comes from its mask. Runs of
/// prompts have tensors of their own, so that others can run while one is interrupted.
/// </remarks>
internal sealed partial class Decoder : IDecoder
{
    // Logits of every position of a prompt's chunk stay below this where the graph has no 'logits_to_keep'.
    private const long MaxLogitsBytes = 32L << 20;

    private readonly InferenceSession _session;
    private readonly DecoderGraph _graph;
    private readonly KeyValueCache _cache;
    private readonly RecurrentStates _states;
    private readonly RunOptions _runOptions = new();
    private readonly StepTensors _promptTensors;
    private readonly StepTensors _answerTensors;
    private readonly OrtValue _keepAll = OrtValue.CreateTensorValueFromMemory(new long[] { 0 }, [1]);
    private readonly OrtValue _keepLast = OrtValue.CreateTensorValueFromMemory(new long[] { 1 }, [1]);
    private readonly long[] _plannedLength = [0];
    private readonly OrtValue _planned;
    private readonly bool _skipsRows;
    private int[] _reached = [];
    private bool _isPrompt;

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
        _adapters = adapters;
        _session = session;
        _skipsRows = skipsRows;
        _graph = graph;
        _planned = OrtValue.CreateTensorValueFromMemory(_plannedLength, [1]);
        _promptTensors = new StepTensors(this);
        _answerTensors = new StepTensors(this);
        _cache = new KeyValueCache(graph);
        _states = new RecurrentStates(graph.States);
    }

    public int Rows => _cache.Rows;

    public int Capacity => _cache.Capacity;

    public int LongRopeThreshold => _graph.LongRopeThreshold;

    public bool CanEvictTokens => _graph.States.Count == 0;

    // A row whose run is interrupted must stay as it is; its states would be written, and the planned length is all
    // runs'.
    public bool CanInterrupt
        => _skipsRows && _graph.States.Count == 0 && _graph.Window is null && _graph.PlannedLength is null;

    public int MaxScoredChunk => (int)Math.Clamp(MaxLogitsBytes / (4L * _graph.VocabularySize), 1, 512);

    public int MaxChunk => _graph.LogitsToKeep is null ? MaxScoredChunk : int.MaxValue;

    public long BytesFor(int rows, int capacity) => _cache.BytesFor(rows, capacity) + _states.BytesFor(rows);

    public void Plan(int length) => _plannedLength[0] = length;

    public void BeginChunk(bool isPrompt) => _isPrompt = isPrompt;

    public ReadOnlySpan<float> Prefill(int row, int start, ReadOnlySpan<int> tokens, bool every)
    {
        var kept = every || _graph.LogitsToKeep is null ? tokens.Length : 1;
        var tensors = _isPrompt ? _promptTensors : _answerTensors;
        tensors.Reserve(tokens.Length, kept);
        var binding = tensors.Row(_session, row);
        tensors.SetTokens(tokens, start);
        binding.BindTokens(tokens.Length, kept, every, tensors.SetMask([start + tokens.Length]));
        binding.BindAdapters();
        if (start == 0)
        {
            _states.Clear(row);
        }

        BeginRun(row, start);
        _session.RunWithBinding(_runOptions, binding.IoBinding);
        EndRun(row, start + tokens.Length);
        _states.Commit(row);
        var result = tensors.ReadLogits(kept);
        return every || kept == 1 ? result : result[^_graph.VocabularySize..];
    }

    public ReadOnlySpan<float> Decode(ReadOnlySpan<int> tokens, ReadOnlySpan<int> lengths)
    {
        var rows = tokens.Length;
        Plan(0);
        _answerTensors.Reserve(rows, rows);
        var binding = _answerTensors.FirstRows(_session, rows);
        var ids = _answerTensors.Ids(rows);
        var positions = _answerTensors.Positions(rows);
        using var lastTokens = new LastTokens(this);
        for (var row = 0; row < rows; row++)
        {
            var length = lengths[row];
            ids[row] = Math.Max(tokens[row], 0);
            if (tokens[row] < 0 && _skipsRows)
            {
                (positions[row], _reached[row]) = (0, 0);
                continue;
            }

            if (tokens[row] >= 0 && length == 0)
            {
                _states.Clear(row);
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
            _reached[row] = length + 1;
        }

        binding.BindTokens(1, 1, every: false, _answerTensors.SetMask(_reached.AsSpan(0, rows)));
        binding.BindAdapters();
        _session.RunWithBinding(_runOptions, binding.IoBinding);
        for (var row = 0; row < rows; row++)
        {
            if (tokens[row] >= 0)
            {
                EndRun(row, _reached[row]);
                _states.Commit(row);
            }
        }

        return _answerTensors.ReadLogits(rows);
    }

    public void Terminate(bool terminate) => _runOptions.Terminate = terminate;

    public void Dispose()
    {
        _promptTensors.Dispose();
        _answerTensors.Dispose();
        _adapters?.Dispose();
        _cache.Dispose();
        _states.Dispose();
        _keepAll.Dispose();
        _keepLast.Dispose();
        _planned.Dispose();
        _runOptions.Dispose();
    }

    private static OrtValue Wrap(NativeBuffer buffer, TensorElementType type, long[] shape, int width)
        => OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, type, shape, buffer.Address, TensorPrimitives.Product<long>(shape) * width);
}
