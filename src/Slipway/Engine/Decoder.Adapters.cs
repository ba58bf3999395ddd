using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine;

internal sealed partial class Decoder
{
    private readonly AdapterSet? adapters;
    private int[] chosen = [];

    public void Adapt(ReadOnlySpan<int> ids) => chosen = ids.SequenceEqual(chosen) ? chosen : ids.ToArray();

    private sealed partial class Binding
    {
        private readonly List<Microsoft.ML.OnnxRuntime.OrtValue> maskValues = [];
        private AdapterTensors? boundAdapters;
        private NativeBuffer? mask;
        private bool isAdapted;

        /// <summary>Binds the adapters that the rows use, and says which row uses which.</summary>
        public void BindAdapters()
        {
            if (owner.adapters is not { } set)
            {
                return;
            }

            var tensors = set.For(owner.chosen);
            if (tensors.Ids.Length == 0 && !isAdapted)
            {
                // The graph's own empty factors.
                return;
            }

            if (tensors != boundAdapters)
            {
                // An error on the way must not leave a mask that was freed, nor factors without theirs.
                isAdapted = true;
                boundAdapters = null;
                ReleaseAdapters();
                tensors.Values.ForEach(value => IoBinding.BindInput(value.Input, value.Value));
                mask = new NativeBuffer(Math.Max(4L * rows * tensors.Rank, 4));
                var value = Wrap(mask, TensorElementType.Float, [rows, 1, tensors.Rank], 4);
                IoBinding.BindInput(AdapterSet.MaskInput, Keep(maskValues, value));
                boundAdapters = tensors;
            }

            tensors.FillMask(owner.chosen, mask!.AsSpan<float>(0, rows * tensors.Rank));
        }

        private void ReleaseAdapters()
        {
            Release(maskValues);
            mask?.Dispose();
            mask = null;
        }
    }
}
