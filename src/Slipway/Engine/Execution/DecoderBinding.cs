using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Adapters;
using Slipway.Engine.Cache;

namespace Slipway.Engine.Execution;

/// <summary>Binds a graph's inputs and outputs to consecutive slots of the cache and to step buffers.</summary>
internal sealed class DecoderBinding : IDisposable
{
    private readonly DecoderGraph _graph;
    private readonly StepBuffers _buffers;
    private readonly SharedInputs _shared;
    private readonly AdapterBinding? _adapters;
    private readonly int _slots;
    private readonly InputCopies _copies;
    private readonly List<OrtValue> _cacheValues = [];
    private readonly List<(string Name, OrtValue Value)> _pasts = [];
    private readonly List<OrtValue> _tokenValues = [];
    private (int Tokens, int Kept, bool Every, int Width) _bound;

    public DecoderBinding(
        InferenceSession session, DecoderGraph graph, SlotCache cache, AdapterSet? adapters, SharedInputs shared,
        StepBuffers buffers, int firstSlot, int slots, InputCopies copies)
    {
        (_graph, _buffers, _shared, _slots, _copies) = (graph, buffers, shared, slots, copies);
        IoBinding = session.CreateIoBinding();
        _adapters = adapters is null ? null : new AdapterBinding(adapters, IoBinding, slots, copies.OfSteps);
        for (var i = 0; i < graph.Cache.Count; i++)
        {
            var value = Keep(_cacheValues, cache.KeyValues.View(i, firstSlot, slots));
            _pasts.Add((graph.Cache[i].Past, value));
            IoBinding.BindOutput(graph.Cache[i].Present, value);
        }

        for (var i = 0; i < graph.States.Count; i++)
        {
            var state = graph.States[i];
            _pasts.Add((state.Past, Keep(_cacheValues, cache.States.Past(i, firstSlot, slots))));
            IoBinding.BindOutput(state.Present, Keep(_cacheValues, cache.States.Present(i, firstSlot, slots)));
        }

        _pasts.ForEach(past => IoBinding.BindInput(past.Name, past.Value));
        if (graph.PlannedLength is { } plannedLength)
        {
            IoBinding.BindInput(plannedLength, shared.PlannedLengthValue);
        }
    }

    public OrtIoBinding IoBinding { get; }

    /// <summary>Binds the buffers in the shapes of a run.</summary>
    /// <param name="tokens">Tokens of each slot.</param>
    /// <param name="kept">Tokens of each slot whose logits come back.</param>
    /// <param name="every">Whether those of all tokens are asked for.</param>
    /// <param name="maskWidth">Columns of the attention mask.</param>
    public void BindTokens(int tokens, int kept, bool every, int maskWidth)
    {
        if (_copies.OfSteps)
        {
            BindAgain();
        }
        else if (_bound == (tokens, kept, every, maskWidth))
        {
            return;
        }

        Release(_tokenValues);
        IoBinding.BindInput(_graph.InputIds, Keep(_tokenValues, _buffers.IdValue([_slots, tokens])));
        IoBinding.BindInput(_graph.AttentionMask, Keep(_tokenValues, _buffers.MaskValue([_slots, maskWidth])));
        if (_graph.PositionIds is { } positionIds)
        {
            IoBinding.BindInput(positionIds, Keep(_tokenValues, _buffers.PositionValue([_slots, tokens])));
        }

        if (_graph.LogitsToKeep is { } keep)
        {
            IoBinding.BindInput(keep, every ? _shared.KeepAll : _shared.KeepLast);
        }

        var logits = _buffers.LogitsValue([_slots, kept, _graph.VocabularySize]);
        IoBinding.BindOutput(_graph.Logits, Keep(_tokenValues, logits));
        _bound = (tokens, kept, every, maskWidth);
    }

    // What a device copies as it is bound, it would otherwise keep as it was then.
    private void BindAgain()
    {
        for (var i = 0; i < _pasts.Count && _copies.OfCache; i++)
        {
            IoBinding.BindInput(_pasts[i].Name, _pasts[i].Value);
        }

        if (_graph.PlannedLength is { } plannedLength)
        {
            IoBinding.BindInput(plannedLength, _shared.PlannedLengthValue);
        }
    }

    /// <summary>Binds the adapters that the slots use; 0 for none.</summary>
    public void BindAdapters(ReadOnlySpan<int> ids) => _adapters?.Bind(ids);

    public void Dispose()
    {
        IoBinding.Dispose();
        _adapters?.Dispose();
        Release(_tokenValues);
        Release(_cacheValues);
    }

    private static OrtValue Keep(List<OrtValue> values, OrtValue value)
    {
        values.Add(value);
        return value;
    }

    private static void Release(List<OrtValue> values)
    {
        values.ForEach(value => value.Dispose());
        values.Clear();
    }
}

/// <summary>Tells which inputs ONNX Runtime copies to a device as they are bound.</summary>
/// <param name="OfSteps">Whether it copies tokens, positions, masks and adapters.</param>
/// <param name="OfCache">Whether it copies keys, values and states too.</param>
internal readonly record struct InputCopies(bool OfSteps, bool OfCache);
