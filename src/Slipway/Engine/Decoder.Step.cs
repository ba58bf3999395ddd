using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine;

internal sealed partial class Decoder
{
    /// <summary>
    /// What runs of one kind read and write beside the cache, and their bindings; grows with the largest run.
    /// </summary>
    private sealed class StepTensors(Decoder owner) : IDisposable
    {
        private const int MaskStep = 64;

        private readonly DecoderGraph _graph = owner._graph;
        private readonly List<Binding?> _decodeBindings = [];
        private readonly List<Binding?> _rowBindings = [];
        private NativeBuffer? _mask;
        private NativeBuffer? _ids;
        private NativeBuffer? _positions;
        private NativeBuffer? _logits;
        private float[] _converted = [];

        public OrtValue IdValue(long[] shape) => Wrap(_ids!, TensorElementType.Int64, shape, 8);

        public OrtValue PositionValue(long[] shape) => Wrap(_positions!, TensorElementType.Int64, shape, 8);

        public OrtValue MaskValue(long[] shape) => Wrap(_mask!, TensorElementType.Int64, shape, 8);

        public OrtValue LogitsValue(long[] shape)
            => Wrap(_logits!, _graph.LogitsType, shape, _graph.LogitsType == TensorElementType.Float16 ? 2 : 4);

        public Span<long> Ids(int count) => _ids!.AsSpan<long>(0, count);

        public Span<long> Positions(int count) => _positions!.AsSpan<long>(0, count);

        /// <summary>The binding of a single row.</summary>
        public Binding Row(InferenceSession runner, int row) => Find(_rowBindings, runner, row, row, 1);

        /// <summary>The binding of the first rows.</summary>
        public Binding FirstRows(InferenceSession runner, int rows) => Find(_decodeBindings, runner, rows, 0, rows);

        /// <summary>Makes room for a run; what was bound is bound again where that takes other memory.</summary>
        /// <exception cref="OutOfMemoryException">There is no memory; nothing is kept then.</exception>
        public void Reserve(int tokens, int kept)
        {
            var width = _graph.LogitsType == TensorElementType.Float16 ? 2L : 4L;
            var logitsBytes = width * kept * _graph.VocabularySize;
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
                if (_graph.LogitsType == TensorElementType.Float16)
                {
                    _converted = new float[Math.Max(_converted.Length, kept * _graph.VocabularySize)];
                }
            }
            catch
            {
                // The first of them tells whether all are large enough.
                Release();
                throw;
            }
        }

        public void SetTokens(ReadOnlySpan<int> tokens, int start)
        {
            var idSpan = Ids(tokens.Length);
            var positionSpan = Positions(tokens.Length);
            for (var i = 0; i < tokens.Length; i++)
            {
                idSpan[i] = tokens[i];
                positionSpan[i] = start + i;
            }
        }

        /// <summary>Sets the mask of rows of these lengths and returns how wide it is.</summary>
        /// <remarks>
        /// Only as wide as the longest row, in steps: kernels take scratch memory and time by the width.
        /// </remarks>
        public int SetMask(ReadOnlySpan<int> lengths)
        {
            var longest = Math.Max(TensorPrimitives.Max(lengths), 1);
            var width = Math.Min((longest + MaskStep - 1) / MaskStep * MaskStep, owner._cache.Capacity);
            for (var row = 0; row < lengths.Length; row++)
            {
                var span = _mask!.AsSpan<long>((long)row * width, width);
                span[..lengths[row]].Fill(1);
                span[lengths[row]..].Clear();
            }

            return width;
        }

        public ReadOnlySpan<float> ReadLogits(int positionsKept)
        {
            var count = positionsKept * _graph.VocabularySize;
            if (_graph.LogitsType == TensorElementType.Float)
            {
                return _logits!.AsSpan<float>(0, count);
            }

            TensorPrimitives.ConvertToSingle(_logits!.AsSpan<Half>(0, count), _converted);
            return _converted.AsSpan(0, count);
        }

        /// <summary>Unbinds the cache, of which nothing may be bound when it changes.</summary>
        public void ReleaseBindings()
        {
            foreach (var binding in _decodeBindings.Concat(_rowBindings))
            {
                binding?.Dispose();
            }

            _decodeBindings.Clear();
            _rowBindings.Clear();
        }

        /// <summary>Gives the mask the size of rows of the cache.</summary>
        /// <exception cref="OutOfMemoryException">There is no memory.</exception>
        public void ResizeMask(int rows, int capacity)
        {
            _mask?.Dispose();
            _mask = null;
            _mask = new NativeBuffer(8L * rows * capacity);
        }

        /// <summary>Frees all of it; what runs next makes it anew.</summary>
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

        private Binding Find(List<Binding?> bindings, InferenceSession runner, int index, int firstRow, int rows)
        {
            while (bindings.Count <= index)
            {
                bindings.Add(null);
            }

            return bindings[index] ??= new Binding(owner, this, runner, firstRow, rows);
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
}
