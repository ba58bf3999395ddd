using System.Buffers;

namespace Slipway.Export.Weights;

/// <summary>A way to store a matrix of weights.</summary>
internal abstract class WeightFormat
{
    // Weights read at a time: large enough for all cores to share, small beside any model.
    private const int ChunkWeights = 1 << 20;

    /// <summary>Writes a matrix, chunk by chunk, so that memory never holds more than one.</summary>
    public abstract GraphWeight Write(WeightWriter writer, string name, Weight weight);

    /// <summary>The format for stacks of matrices with so many columns each; this one where it can hold them.</summary>
    public abstract WeightFormat ForStacks(params IReadOnlyList<int> columns);

    /// <summary>Writes matrices of the same shape, one below the other, as one constant.</summary>
    public abstract StoredStack WriteStack(WeightWriter writer, string name, Weight weight, int count);

    /// <summary>Whether rows of a matrix with so many columns can be looked up.</summary>
    public abstract bool CanGather(int columns);

    /// <summary>Reads a matrix in chunks of whole rows.</summary>
    /// <param name="writer">Is told how far it is.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="weight">The matrix.</param>
    /// <param name="use">Takes each chunk: the weights, the number of rows.</param>
    protected static void ReadChunks(
        WeightWriter writer, string name, Weight weight, Action<ReadOnlyMemory<float>, int> use)
    {
        var buffer = ArrayPool<float>.Shared.Rent(checked(ChunkRows(weight) * weight.Columns));
        try
        {
            ForChunks(writer, name, weight, (first, count) =>
            {
                var chunk = buffer.AsMemory(0, count * weight.Columns);
                weight.ReadRows(first, count, chunk.Span);
                use(chunk, count);
            });
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }

    /// <summary>Goes through a matrix in chunks of whole rows.</summary>
    /// <param name="writer">Is told how far it is.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="weight">The matrix.</param>
    /// <param name="use">Takes each chunk: its first row, the number of rows.</param>
    protected static void ForChunks(WeightWriter writer, string name, Weight weight, Action<int, int> use)
    {
        var rows = ChunkRows(weight);
        for (var first = 0; first < weight.Rows; first += rows)
        {
            var count = Math.Min(rows, weight.Rows - first);
            use(first, count);
            writer.Advance(name, (long)count * weight.Columns);
        }
    }

    private static int ChunkRows(Weight weight) => Math.Clamp(ChunkWeights / weight.Columns, 1, weight.Rows);
}
