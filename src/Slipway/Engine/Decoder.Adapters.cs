using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine;

internal sealed partial class Decoder
{
    private readonly AdapterSet? _adapters;
    private int[] _chosen = [];

    public void Adapt(ReadOnlySpan<int> ids) => _chosen = ids.SequenceEqual(_chosen) ? _chosen : ids.ToArray();

    private sealed partial class Binding
    {
        private readonly List<Microsoft.ML.OnnxRuntime.OrtValue> _maskValues = [];
        private AdapterTensors? _boundAdapters;
        private NativeBuffer? _mask;
        private bool _isAdapted;

        /// <summary>Binds the adapters that the rows use, and says which row uses which.</summary>
        public void BindAdapters()
        {
            if (_owner._adapters is not { } set)
            {
                return;
            }

            var tensors = set.For(_owner._chosen);
            if (tensors.Ids.Length == 0 && !_isAdapted)
            {
                // The graph's own empty factors.
                return;
            }

            if (tensors != _boundAdapters)
            {
                // An error on the way must not leave a mask that was freed, nor factors without theirs.
                _isAdapted = true;
                _boundAdapters = null;
                ReleaseAdapters();
                tensors.Values.ForEach(value => IoBinding.BindInput(value.Input, value.Value));
                _mask = new NativeBuffer(Math.Max(4L * _rows * tensors.Rank, 4));
                var value = Wrap(_mask, TensorElementType.Float, [_rows, 1, tensors.Rank], 4);
                IoBinding.BindInput(AdapterSet.MaskInput, Keep(_maskValues, value));
                _boundAdapters = tensors;
            }

            tensors.FillMask(_owner._chosen, _mask!.AsSpan<float>(0, _rows * tensors.Rank));
        }

        private void ReleaseAdapters()
        {
            Release(_maskValues);
            _mask?.Dispose();
            _mask = null;
        }
    }
}
