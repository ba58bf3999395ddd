using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Engine.Cache;

namespace Slipway.Engine.Adapters;

/// <summary>Binds the adapters that the slots of a batch use, and the mask that says which slot uses which.</summary>
internal sealed class AdapterBinding(AdapterSet adapters, OrtIoBinding binding, int slots, bool copiesInputs)
    : IDisposable
{
    private AdapterTensors? _bound;
    private NativeBuffer? _mask;
    private OrtValue? _maskValue;
    private bool _isAdapted;
    private bool _isMaskNew;

    /// <param name="chosen">Each slot's adapter, [slots]; 0 for none. Empty where no slot has one.</param>
    public void Bind(ReadOnlySpan<int> chosen)
    {
        var tensors = adapters.For(chosen);
        if (tensors.Ids.Length == 0 && !_isAdapted)
        {
            // The graph's own empty factors.
            return;
        }

        if (tensors != _bound)
        {
            // An error on the way must not leave a mask that was freed, nor factors without theirs.
            _isAdapted = true;
            _bound = null;
            Dispose();
            tensors.Values.ForEach(value => binding.BindInput(value.Input, value.Value));
            _mask = new NativeBuffer(Math.Max(4L * slots * tensors.Rank, 4));
            _maskValue = _mask.ToValue(TensorElementType.Float, [slots, 1, tensors.Rank]);
            (_bound, _isMaskNew) = (tensors, true);
        }

        tensors.FillMask(chosen, _mask!.AsSpan<float>(0, slots * tensors.Rank));
        if (_isMaskNew || copiesInputs)
        {
            binding.BindInput(AdapterSet.MaskInput, _maskValue!);
            _isMaskNew = false;
        }
    }

    public void Dispose()
    {
        _maskValue?.Dispose();
        _mask?.Dispose();
        (_maskValue, _mask) = (null, null);
    }
}
