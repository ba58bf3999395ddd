using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine.Adapters;

/// <summary>The factors of some adapters side by side, as the graph takes them.</summary>
internal sealed class AdapterTensors : IDisposable
{
    private readonly List<NativeBuffer> _buffers = [];
    private readonly Dictionary<int, (int First, int Rank)> _ranks = [];

    /// <param name="ids">The adapters, in order; none for the model alone.</param>
    /// <param name="adapters">The adapters by their ids.</param>
    /// <param name="layers">The graph's layers.</param>
    public AdapterTensors(int[] ids, IReadOnlyDictionary<int, LoadedAdapter> adapters, IEnumerable<AdapterLayer> layers)
    {
        Ids = ids;
        foreach (var id in ids)
        {
            _ranks.Add(id, (Rank, adapters[id].Rank));
            Rank += adapters[id].Rank;
        }

        try
        {
            foreach (var layer in layers)
            {
                Values.Add((layer.Down, Make(layer.Inputs, layer.Parts * Rank, adapters, layer.Down, CopyColumns)));
                Values.Add((layer.Up, Make(layer.Parts * Rank, layer.Outputs, adapters, layer.Up, CopyRows)));
                if (layer.HasScale)
                {
                    Values.Add((layer.Scale, Make(layer.Parts * Rank, layer.Outputs, adapters, layer.Scale, CopyRows)));
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        void CopyColumns(LoadedAdapter adapter, AdapterMatrix matrix, int first, NativeBuffer destination)
        {
            var parts = matrix.Columns / adapter.Rank;
            for (var row = 0; row < matrix.Rows; row++)
            {
                var source = adapter.Row(matrix, row);
                var target = destination.AsSpan<float>((long)row * parts * Rank, parts * Rank);
                for (var part = 0; part < parts; part++)
                {
                    source.Slice(part * adapter.Rank, adapter.Rank).CopyTo(target[((part * Rank) + first)..]);
                }
            }
        }

        void CopyRows(LoadedAdapter adapter, AdapterMatrix matrix, int first, NativeBuffer destination)
        {
            for (var row = 0; row < matrix.Rows; row++)
            {
                var (part, index) = Math.DivRem(row, adapter.Rank);
                adapter.Row(matrix, row).CopyTo(
                    destination.AsSpan<float>((long)((part * Rank) + first + index) * matrix.Columns, matrix.Columns));
            }
        }
    }

    public int[] Ids { get; }

    /// <summary>The ranks of all adapters together.</summary>
    public int Rank { get; }

    /// <summary>Inputs of the graph and what they are bound to.</summary>
    public List<(string Input, OrtValue Value)> Values { get; } = [];

    /// <summary>Says which ranks each row uses, [rows, 1, rank].</summary>
    public void FillMask(ReadOnlySpan<int> chosen, Span<float> mask)
    {
        mask.Clear();
        for (var row = 0; row < chosen.Length; row++)
        {
            if (chosen[row] > 0)
            {
                var (first, rank) = _ranks[chosen[row]];
                mask.Slice((row * Rank) + first, rank).Fill(1);
            }
        }
    }

    public void Dispose()
    {
        Values.ForEach(value => value.Value.Dispose());
        _buffers.ForEach(buffer => buffer.Dispose());
    }

    private OrtValue Make(
        int rows, int columns, IReadOnlyDictionary<int, LoadedAdapter> adapters, string input,
        Action<LoadedAdapter, AdapterMatrix, int, NativeBuffer> copy)
    {
        // One adapter's matrices lie in its file as the graph takes them.
        if (Ids is [var only] && adapters[only].Find(input) is { } matrix)
        {
            return Wrap(adapters[only].Data, matrix.Offset, rows, columns);
        }

        var buffer = new NativeBuffer(Math.Max(4L * rows * columns, 4));
        _buffers.Add(buffer);
        foreach (var id in Ids)
        {
            if (adapters[id].Find(input) is { } part)
            {
                copy(adapters[id], part, _ranks[id].First, buffer);
            }
        }

        return Wrap(buffer, 0, rows, columns);
    }

    private static OrtValue Wrap(NativeBuffer buffer, long offset, params long[] shape)
        => OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance,
            TensorElementType.Float,
            shape,
            buffer.Address + (nint)offset,
            TensorPrimitives.Product<long>(shape) * sizeof(float));
}
