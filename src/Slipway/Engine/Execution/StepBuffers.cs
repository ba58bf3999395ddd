using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Engine.Adapters;
using Slipway.Engine.Cache;

namespace Slipway.Engine.Execution;

/// <summary>
/// Holds the inputs and outputs of runs beside the cache, and the bindings to them; grows with the largest run.
/// </summary>
internal sealed class StepBuffers(
    InferenceSession session, DecoderGraph graph, SlotCache cache, AdapterSet? adapters, SharedInputs shared,
    InputCopies copies)
        : IDisposable
{
    private const int MaskStep = 64;

    private readonly List<DecoderBinding?> _batchBindings = [];
    private readonly List<DecoderBinding?> _slotBindings = [];
    private NativeBuffer? _mask;
    private NativeBuffer? _ids;
    private NativeBuffer? _positions;
    private NativeBuffer? _logits;
    private float[] _converted = [];

    public OrtValue IdValue(long[] shape) => _ids!.ToValue(TensorElementType.Int64, shape);

    public OrtValue PositionValue(long[] shape) => _positions!.ToValue(TensorElementType.Int64, shape);

    public OrtValue MaskValue(long[] shape) => _mask!.ToValue(TensorElementType.Int64, shape);

    public OrtValue LogitsValue(long[] shape) => _logits!.ToValue(graph.LogitsType, shape);

    /// <summary>The binding of a single slot.</summary>
    public DecoderBinding BindSlot(int slot) => Find(_slotBindings, slot, slot, 1);

    /// <summary>The binding of the first slots.</summary>
    public DecoderBinding BindFirstSlots(int slots) => Find(_batchBindings, slots, 0, slots);

    /// <summary>Makes room for a run; bindings are made anew where buffers move.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory; nothing is kept then.</exception>
    public void Reserve(int tokens, int kept)
    {
        var width = graph.LogitsType == TensorElementType.Float16 ? 2L : 4L;
        var logitsBytes = width * kept * graph.VocabularySize;
        if (_ids?.Bytes >= 8L * tokens && _logits?.Bytes >= logitsBytes)
        {
            return;
        }

        // Bindings refer to these buffers by address.
        ReleaseBindings();
        try
        {
            Grow(ref _ids, 8L * tokens);
            Grow(ref _positions, 8L * tokens);
            Grow(ref _logits, logitsBytes);
            if (graph.LogitsType == TensorElementType.Float16)
            {
                _converted = new float[Math.Max(_converted.Length, kept * graph.VocabularySize)];
            }
        }
        catch
        {
            // The first of them tells whether all are large enough.
            Release();
            throw;
        }
    }

    /// <summary>Sets consecutive tokens of one sequence.</summary>
    public void SetTokens(ReadOnlySpan<int> tokens, int start)
    {
        for (var i = 0; i < tokens.Length; i++)
        {
            SetToken(i, tokens[i], start + i);
        }
    }

    public void SetToken(int index, int token, int position)
    {
        _ids!.AsSpan<long>(index, 1)[0] = token;
        _positions!.AsSpan<long>(index, 1)[0] = position;
    }

    /// <summary>Sets the attention mask of slots of these lengths and returns how wide it is.</summary>
    /// <remarks>
    /// Only as wide as the longest slot, in steps: kernels take scratch memory and time by the width.
    /// </remarks>
    public int SetMask(ReadOnlySpan<int> lengths)
    {
        var longest = Math.Max(TensorPrimitives.Max(lengths), 1);
        var width = Math.Min((longest + MaskStep - 1) / MaskStep * MaskStep, cache.Capacity);
        for (var slot = 0; slot < lengths.Length; slot++)
        {
            var span = _mask!.AsSpan<long>((long)slot * width, width);
            span[..lengths[slot]].Fill(1);
            span[lengths[slot]..].Clear();
        }

        return width;
    }

    /// <summary>The logits of the last run in single precision, [kept tokens, vocabulary].</summary>
    public ReadOnlySpan<float> ReadLogits(int kept)
    {
        var count = kept * graph.VocabularySize;
        if (graph.LogitsType == TensorElementType.Float)
        {
            return _logits!.AsSpan<float>(0, count);
        }

        TensorPrimitives.ConvertToSingle(_logits!.AsSpan<Half>(0, count), _converted);
        return _converted.AsSpan(0, count);
    }

    /// <summary>Unbinds the cache, of which nothing may be bound when it changes.</summary>
    public void ReleaseBindings()
    {
        foreach (var binding in _batchBindings.Concat(_slotBindings))
        {
            binding?.Dispose();
        }

        _batchBindings.Clear();
        _slotBindings.Clear();
    }

    /// <summary>Gives the mask the size of the cache.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory.</exception>
    public void ResizeMask(int slots, int capacity)
    {
        _mask?.Dispose();
        _mask = null;
        _mask = new NativeBuffer(8L * slots * capacity);
    }

    /// <summary>Frees all of it; the next run makes it anew.</summary>
    public void Dispose()
    {
        ReleaseBindings();
        _mask?.Dispose();
        _mask = null;
        Release();
    }

    private void Release()
    {
        _ids?.Dispose();
        _positions?.Dispose();
        _logits?.Dispose();
        _ids = _positions = _logits = null;
        _converted = [];
    }

    private DecoderBinding Find(List<DecoderBinding?> bindings, int index, int firstSlot, int slots)
    {
        while (bindings.Count <= index)
        {
            bindings.Add(null);
        }

        return bindings[index] ??= new DecoderBinding(
            session, graph, cache, adapters, shared, this, firstSlot, slots, copies);
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
}
