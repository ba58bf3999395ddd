using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine;

internal sealed partial class Decoder
{
    /// <summary>The bound tensors of consecutive rows.</summary>
    private sealed partial class Binding : IDisposable
    {
        private readonly Decoder owner;
        private readonly int rows;
        private readonly List<OrtValue> fixedValues = [];
        private readonly List<OrtValue> tokenValues = [];
        private (int Tokens, int Kept, bool Every, int Width) bound;

        public Binding(Decoder owner, InferenceSession runner, int firstRow, int rows)
        {
            this.owner = owner;
            this.rows = rows;
            IoBinding = runner.CreateIoBinding();
            for (var i = 0; i < owner.graph.Cache.Count; i++)
            {
                var value = Keep(fixedValues, owner.cache.View(i, firstRow, rows));
                IoBinding.BindInput(owner.graph.Cache[i].Past, value);
                IoBinding.BindOutput(owner.graph.Cache[i].Present, value);
            }

            for (var i = 0; i < owner.graph.States.Count; i++)
            {
                var state = owner.graph.States[i];
                IoBinding.BindInput(state.Past, Keep(fixedValues, owner.states.Past(i, firstRow, rows)));
                IoBinding.BindOutput(state.Present, Keep(fixedValues, owner.states.Present(i, firstRow, rows)));
            }

            if (owner.graph.PlannedLength is { } plannedLength)
            {
                IoBinding.BindInput(plannedLength, owner.planned);
            }
        }

        public OrtIoBinding IoBinding { get; }

        public void BindTokens(int tokens, int kept, bool every, int maskWidth)
        {
            if (bound == (tokens, kept, every, maskWidth))
            {
                return;
            }

            Release(tokenValues);
            var graph = owner.graph;
            var idValue = Keep(tokenValues, Wrap(owner.ids!, 0, TensorElementType.Int64, [rows, tokens], 8));
            IoBinding.BindInput(graph.InputIds, idValue);
            var maskValue = Wrap(owner.mask!, 0, TensorElementType.Int64, [rows, maskWidth], 8);
            IoBinding.BindInput(graph.AttentionMask, Keep(tokenValues, maskValue));
            if (graph.PositionIds is { } positionIds)
            {
                var value = Keep(tokenValues, Wrap(owner.positions!, 0, TensorElementType.Int64, [rows, tokens], 8));
                IoBinding.BindInput(positionIds, value);
            }

            if (graph.LogitsToKeep is { } keep)
            {
                IoBinding.BindInput(keep, every ? owner.keepAll : owner.keepLast);
            }

            var width = graph.LogitsType == TensorElementType.Float16 ? 2 : 4;
            var logitsValue = Wrap(owner.logits!, 0, graph.LogitsType, [rows, kept, graph.VocabularySize], width);
            IoBinding.BindOutput(graph.Logits, Keep(tokenValues, logitsValue));
            bound = (tokens, kept, every, maskWidth);
        }

        public void Dispose()
        {
            IoBinding.Dispose();
            ReleaseAdapters();
            Release(tokenValues);
            Release(fixedValues);
        }

        private static OrtValue Wrap(NativeBuffer buffer, long offset, TensorElementType type, long[] shape, int width)
            => OrtValue.CreateTensorValueWithData(
                OrtMemoryInfo.DefaultInstance,
                type,
                shape,
                buffer.Address + (nint)offset,
                TensorPrimitives.Product<long>(shape) * width);

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
}
