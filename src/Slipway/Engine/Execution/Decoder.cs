using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Adapters;
using Slipway.Engine.Cache;

namespace Slipway.Engine.Execution;

/// <summary>Runs a decoder graph over the slots of its cache, which stay bound between runs.</summary>
/// <remarks>
/// A prefill runs in one slot, a decode step in the first slots together; the attention mask says how long each is.
/// Prefills that can be interrupted have buffers of their own, so that others run between their kernels.
/// </remarks>
internal sealed class Decoder : IDecoder
{
    // Logits of every token of a prefill stay below this where the graph has no 'logits_to_keep'.
    private const long MaxLogitsBytes = 32L << 20;

    private readonly InferenceSession _session;
    private readonly DecoderGraph _graph;
    private readonly AdapterSet? _adapters;
    private readonly bool _supportsInactiveSlots;
    private readonly TensorMemory _memory;
    private readonly SlotCache _cache;
    private readonly RunOptions _runOptions = new();
    private readonly SharedInputs _shared = new();
    private readonly StepBuffers _interruptible;
    private readonly StepBuffers _uninterrupted;
    private int[] _reached = [];

    /// <param name="session">Runs the graph; the caller disposes it.</param>
    /// <param name="graph">Its inputs and outputs.</param>
    /// <param name="adapters">The adapters beside it; disposed with the decoder; null for none.</param>
    /// <param name="supportsInactiveSlots">Whether the graph leaves a slot alone whose mask is all zeros.</param>
    /// <param name="memory">Holds what slots carry; disposed with the decoder; null for the processor's.</param>
    /// <param name="copiesInputs">
    /// Whether inputs in the processor's memory are copied to a device as they are bound, so that they must be bound
    /// for each run.
    /// </param>
    public Decoder(
        InferenceSession session, DecoderGraph graph, AdapterSet? adapters = null, bool supportsInactiveSlots = false,
        TensorMemory? memory = null, bool copiesInputs = false)
    {
        _session = session;
        _graph = graph;
        _adapters = adapters;
        _supportsInactiveSlots = supportsInactiveSlots;
        _memory = memory ?? TensorMemory.Host;
        _cache = new SlotCache(graph, _memory);
        var copies = new InputCopies(copiesInputs, copiesInputs && _memory == TensorMemory.Host);
        _interruptible = new StepBuffers(session, graph, _cache, adapters, _shared, copies);
        _uninterrupted = new StepBuffers(session, graph, _cache, adapters, _shared, copies);
    }

    public int Slots => _cache.Slots;

    public int Capacity => _cache.Capacity;

    public int LongRopeThreshold => _graph.LongRopeThreshold;

    public bool CanEvictTokens => _graph.States.Count == 0;

    // The slot of an interrupted prefill must stay as it is; its states would be written, and the planned length is all
    // runs'.
    public bool CanInterruptPrefill
        => _supportsInactiveSlots && _graph is { States.Count: 0, PlannedLength: null };

    public int MaxScoredTokens => (int)Math.Clamp(MaxLogitsBytes / (4L * _graph.VocabularySize), 1, 512);

    public int MaxPrefillTokens => _graph.LogitsToKeep is null ? MaxScoredTokens : int.MaxValue;

    public long WindowTokenBytes => _graph.Size.WindowTokenBytes;

    public long GrowingTokenBytes => _graph.Size.TokenBytes;

    public long BytesFor(int slots, int capacity) => _cache.BytesFor(slots, capacity);

    public int WindowStart(int length) => _cache.WindowStart(length);

    public int FirstHeld(int slot) => _cache.FirstHeld(slot);

    // The first token of a run stays; those after it can be dropped as long as none is evicted for them.
    public int MaxDraft(int length)
        => _graph.Window is { } window ? window.FullAt(length + 1) - length - 1 : int.MaxValue;

    public void Resize(int slots, int capacity, ReadOnlySpan<int> lengths)
    {
        _interruptible.ReleaseBindings();
        _uninterrupted.ReleaseBindings();
        if (slots == 0)
        {
            _cache.Dispose();
            _interruptible.Dispose();
            _uninterrupted.Dispose();
            return;
        }

        try
        {
            _cache.Resize(slots, capacity, lengths);
            _interruptible.ResizeMask(1, capacity);
            _uninterrupted.ResizeMask(slots, capacity);
            _reached = new int[slots];
        }
        catch
        {
            _cache.Dispose();
            throw;
        }
    }

    public void CopySlot(int from, int to, int length) => _cache.CopySlot(from, to, length);

    public void ReadTokens(int slot, int start, int count, NativeBuffer destination)
        => _cache.KeyValues.CopyTokens(slot, start, count, destination, read: true);

    public void WriteTokens(int slot, int start, int count, NativeBuffer source)
        => _cache.KeyValues.CopyTokens(slot, start, count, source, read: false);

    public void ReadWindow(int slot, int start, int count, NativeBuffer destination)
        => _cache.ReadWindow(slot, start, count, destination);

    public void WriteWindow(int slot, int length, int start, int count, NativeBuffer source)
        => _cache.WriteWindow(slot, length, start, count, source);

    public ReadOnlySpan<float> Prefill(scoped in PrefillRun run)
    {
        var count = run.Tokens.Length;
        var kept = run.KeepsAllLogits || _graph.LogitsToKeep is null ? count : 1;
        var buffers = run.IsInterruptible ? _interruptible : _uninterrupted;
        _shared.PlannedLength = run.PlannedLength;
        buffers.Reserve(count, kept);
        var binding = buffers.BindSlot(run.Slot);
        buffers.SetTokens(run.Tokens, run.Start);
        binding.BindTokens(count, kept, run.KeepsAllLogits, buffers.SetMask([run.End]));
        binding.BindAdapters([run.Adapter]);
        _cache.BeginRun(run.Slot, run.Start);
        _session.RunWithBinding(_runOptions, binding.IoBinding);
        _cache.EndRun(run.Slot, run.End);
        var logits = buffers.ReadLogits(kept);
        return run.KeepsAllLogits ? logits : logits[^_graph.VocabularySize..];
    }

    public ReadOnlySpan<float> Decode(scoped in DecodeRun run)
    {
        var slots = run.Tokens.Length;
        _shared.PlannedLength = 0;
        _uninterrupted.Reserve(slots, slots);
        var binding = _uninterrupted.BindFirstSlots(slots);
        using var lastTokens = new LastTokenBackup(_graph, _cache.KeyValues);
        for (var slot = 0; slot < slots; slot++)
        {
            var (token, length) = (run.Tokens[slot], run.Lengths[slot]);
            if (token >= 0)
            {
                _cache.BeginRun(slot, length);
            }
            else if (_supportsInactiveSlots)
            {
                _uninterrupted.SetToken(slot, 0, 0);
                _reached[slot] = 0;
                continue;
            }
            else if (lastTokens.TryAdd(slot, length))
            {
                length--;
            }

            _uninterrupted.SetToken(slot, Math.Max(token, 0), length);
            _reached[slot] = length + 1;
        }

        binding.BindTokens(1, 1, every: false, _uninterrupted.SetMask(_reached.AsSpan(0, slots)));
        binding.BindAdapters(run.Adapters);
        _session.RunWithBinding(_runOptions, binding.IoBinding);
        for (var slot = 0; slot < slots; slot++)
        {
            if (run.Tokens[slot] >= 0)
            {
                _cache.EndRun(slot, _reached[slot]);
            }
        }

        return _uninterrupted.ReadLogits(slots);
    }

    public void Terminate(bool terminate) => _runOptions.Terminate = terminate;

    public void Dispose()
    {
        _interruptible.Dispose();
        _uninterrupted.Dispose();
        _adapters?.Dispose();
        _cache.Dispose();
        _memory.Dispose();
        _shared.Dispose();
        _runOptions.Dispose();
    }
}
