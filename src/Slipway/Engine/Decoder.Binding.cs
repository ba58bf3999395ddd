using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine;

internal sealed partial class Decoder
{
    /// <summary>The bound tensors of consecutive rows.</summary>
    private sealed partial class Binding : IDisposable
    {
        private readonly Decoder owner;
        private readonly StepTensors tensors;
        private readonly int rows;
        private readonly List<OrtValue> fixedValues = [];
        private readonly List<OrtValue> tokenValues = [];
        private (int Tokens, int Kept, bool Every, int Width) bound;

        public Binding(Decoder owner, StepTensors tensors, InferenceSession runner, int firstRow, int rows)
        {
            this.owner = owner;
            this.tensors = tensors;
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
            IoBinding.BindInput(graph.InputIds, Keep(tokenValues, tensors.IdValue([rows, tokens])));
            IoBinding.BindInput(graph.AttentionMask, Keep(tokenValues, tensors.MaskValue([rows, maskWidth])));
            if (graph.PositionIds is { } positionIds)
            {
                IoBinding.BindInput(positionIds, Keep(tokenValues, tensors.PositionValue([rows, tokens])));
            }

            if (graph.LogitsToKeep is { } keep)
            {
                IoBinding.BindInput(keep, every ? owner.keepAll : owner.keepLast);
            }

            var logits = tensors.LogitsValue([rows, kept, graph.VocabularySize]);
            IoBinding.BindOutput(graph.Logits, Keep(tokenValues, logits));
            bound = (tokens, kept, every, maskWidth);
        }

        public void Dispose()
        {
            IoBinding.Dispose();
            ReleaseAdapters();
            Release(tokenValues);
            Release(fixedValues);
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
}
