using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine;

internal sealed partial class Decoder
{
    /// <summary>The bound tensors of consecutive rows.</summary>
    private sealed partial class Binding : IDisposable
    {
        private readonly Decoder _owner;
        private readonly StepTensors _tensors;
        private readonly int _rows;
        private readonly List<OrtValue> _fixedValues = [];
        private readonly List<OrtValue> _tokenValues = [];
        private (int Tokens, int Kept, bool Every, int Width) _bound;

        public Binding(Decoder owner, StepTensors tensors, InferenceSession runner, int firstRow, int rows)
        {
            _owner = owner;
            _tensors = tensors;
            _rows = rows;
            IoBinding = runner.CreateIoBinding();
            for (var i = 0; i < owner._graph.Cache.Count; i++)
            {
                var value = Keep(_fixedValues, owner._cache.View(i, firstRow, rows));
                IoBinding.BindInput(owner._graph.Cache[i].Past, value);
                IoBinding.BindOutput(owner._graph.Cache[i].Present, value);
            }

            for (var i = 0; i < owner._graph.States.Count; i++)
            {
                var state = owner._graph.States[i];
                IoBinding.BindInput(state.Past, Keep(_fixedValues, owner._states.Past(i, firstRow, rows)));
                IoBinding.BindOutput(state.Present, Keep(_fixedValues, owner._states.Present(i, firstRow, rows)));
            }

            if (owner._graph.PlannedLength is { } plannedLength)
            {
                IoBinding.BindInput(plannedLength, owner._planned);
            }
        }

        public OrtIoBinding IoBinding { get; }

        public void BindTokens(int tokens, int kept, bool every, int maskWidth)
        {
            if (_bound == (tokens, kept, every, maskWidth))
            {
                return;
            }

            Release(_tokenValues);
            var graph = _owner._graph;
            IoBinding.BindInput(graph.InputIds, Keep(_tokenValues, _tensors.IdValue([_rows, tokens])));
            IoBinding.BindInput(graph.AttentionMask, Keep(_tokenValues, _tensors.MaskValue([_rows, maskWidth])));
            if (graph.PositionIds is { } positionIds)
            {
                IoBinding.BindInput(positionIds, Keep(_tokenValues, _tensors.PositionValue([_rows, tokens])));
            }

            if (graph.LogitsToKeep is { } keep)
            {
                IoBinding.BindInput(keep, every ? _owner._keepAll : _owner._keepLast);
            }

            var logits = _tensors.LogitsValue([_rows, kept, graph.VocabularySize]);
            IoBinding.BindOutput(graph.Logits, Keep(_tokenValues, logits));
            _bound = (tokens, kept, every, maskWidth);
        }

        public void Dispose()
        {
            IoBinding.Dispose();
            ReleaseAdapters();
            Release(_tokenValues);
            Release(_fixedValues);
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
