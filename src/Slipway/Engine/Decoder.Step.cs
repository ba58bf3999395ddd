using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine;

internal sealed partial class Decoder
{
    /// <summary>What runs of one kind read and write beside the cache, and their bindings; grows with the largest run.</summary>
    private sealed class StepTensors(Decoder owner) : IDisposable
    {
        private const int MaskStep = 64;

        private readonly DecoderGraph graph = owner.graph;
        private readonly List<Binding?> decodeBindings = [];
        private readonly List<Binding?> rowBindings = [];
        private NativeBuffer? mask;
        private NativeBuffer? ids;
        private NativeBuffer? positions;
        private NativeBuffer? logits;
        private float[] converted = [];

        public OrtValue IdValue(long[] shape) => Wrap(ids!, TensorElementType.Int64, shape, 8);

        public OrtValue PositionValue(long[] shape) => Wrap(positions!, TensorElementType.Int64, shape, 8);

        public OrtValue MaskValue(long[] shape) => Wrap(mask!, TensorElementType.Int64, shape, 8);

        public OrtValue LogitsValue(long[] shape)
            => Wrap(logits!, graph.LogitsType, shape, graph.LogitsType == TensorElementType.Float16 ? 2 : 4);

        public Span<long> Ids(int count) => ids!.AsSpan<long>(0, count);

        public Span<long> Positions(int count) => positions!.AsSpan<long>(0, count);

        /// <summary>The binding of a single row.</summary>
        public Binding Row(InferenceSession runner, int row) => Find(rowBindings, runner, row, row, 1);

        /// <summary>The binding of the first rows.</summary>
        public Binding FirstRows(InferenceSession runner, int rows) => Find(decodeBindings, runner, rows, 0, rows);

        /// <summary>Makes room for a run; what was bound is bound again where that takes other memory.</summary>
        /// <exception cref="OutOfMemoryException">There is no memory; nothing is kept then.</exception>
        public void Reserve(int tokens, int kept)
        {
            var width = graph.LogitsType == TensorElementType.Float16 ? 2L : 4L;
            var logitsBytes = width * kept * graph.VocabularySize;
            if (ids?.Bytes >= 8L * tokens && logits?.Bytes >= logitsBytes)
            {
                return;
            }

            // Bindings refer to these buffers by address.
            ReleaseBindings();
            try
            {
                Grow(ref ids, 8L * tokens);
                Grow(ref positions, 8L * tokens);
                Grow(ref logits, logitsBytes);
                if (graph.LogitsType == TensorElementType.Float16)
                {
                    converted = new float[Math.Max(converted.Length, kept * graph.VocabularySize)];
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
        /// <remarks>Only as wide as the longest row, in steps: kernels take scratch memory and time by the width.</remarks>
        public int SetMask(ReadOnlySpan<int> lengths)
        {
            var longest = Math.Max(TensorPrimitives.Max(lengths), 1);
            var width = Math.Min((longest + MaskStep - 1) / MaskStep * MaskStep, owner.cache.Capacity);
            for (var row = 0; row < lengths.Length; row++)
            {
                var span = mask!.AsSpan<long>((long)row * width, width);
                span[..lengths[row]].Fill(1);
                span[lengths[row]..].Clear();
            }

            return width;
        }

        public ReadOnlySpan<float> ReadLogits(int positionsKept)
        {
            var count = positionsKept * graph.VocabularySize;
            if (graph.LogitsType == TensorElementType.Float)
            {
                return logits!.AsSpan<float>(0, count);
            }

            TensorPrimitives.ConvertToSingle(logits!.AsSpan<Half>(0, count), converted);
            return converted.AsSpan(0, count);
        }

        /// <summary>Unbinds the cache, of which nothing may be bound when it changes.</summary>
        public void ReleaseBindings()
        {
            foreach (var binding in decodeBindings.Concat(rowBindings))
            {
                binding?.Dispose();
            }

            decodeBindings.Clear();
            rowBindings.Clear();
        }

        /// <summary>Gives the mask the size of rows of the cache.</summary>
        /// <exception cref="OutOfMemoryException">There is no memory.</exception>
        public void ResizeMask(int rows, int capacity)
        {
            mask?.Dispose();
            mask = null;
            mask = new NativeBuffer(8L * rows * capacity);
        }

        /// <summary>Frees all of it; what runs next makes it anew.</summary>
        public void Dispose()
        {
            ReleaseBindings();
            mask?.Dispose();
            mask = null;
            Release();
        }

        private void Release()
        {
            ids?.Dispose();
            positions?.Dispose();
            logits?.Dispose();
            ids = positions = logits = null;
            converted = [];
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
