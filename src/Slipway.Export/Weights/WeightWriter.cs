using System.Buffers;
using System.Globalization;
using Slipway.Checkpoints;
using Slipway.Onnx;

namespace Slipway.Export.Weights;

/// <summary>Writes constants into the package's data file and names them in its graph.</summary>
/// <param name="graph">The graph.</param>
/// <param name="data">The data file.</param>
/// <param name="source">Where the weights come from, for messages.</param>
/// <param name="total">Weights of the whole source.</param>
/// <param name="isQuantized">Tells whether the source holds a tensor as codes.</param>
/// <param name="progress">Told of weights that were written.</param>
/// <param name="cancellationToken">Stops the export.</param>
internal sealed class WeightWriter(
    Graph graph, ExternalDataWriter data, string source, long total, Func<string, bool> isQuantized,
    IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
{
    // Weights read at a time: large enough for all cores to share, small beside any model.
    private const int ChunkWeights = 1 << 20;

    private long _done;

    public Graph Graph => graph;

    public ExternalDataWriter Data => data;

    /// <summary>Weights that the checkpoint holds as codes and the package as others, by name.</summary>
    public List<string> Requantized { get; } = [];

    /// <summary>Weights that stay in single precision, by name, and the largest number of each.</summary>
    public List<(string Name, float Largest)> Overflows { get; } = [];

    /// <summary>Tells whether the checkpoint holds a matrix as codes.</summary>
    public bool IsQuantized(Weight weight) =>
        weight.SourceOf(0) is { } row && isQuantized(row.Tensor);

    /// <summary>Stops the export.</summary>
    public CancellationToken CancellationToken => cancellationToken;

    /// <summary>Ends the constant whose elements were written, and adds it to the graph.</summary>
    public Initializer Add(string name, ElementType type, IReadOnlyList<long> shape)
    {
        Initializer constant = new(name, type, shape, data.End());
        graph.AddInitializer(constant);
        return constant;
    }

    /// <summary>Writes a constant whose elements come in parts.</summary>
    public GraphValue AddParts<T>(string name, ElementType type, IReadOnlyList<long> shape, IReadOnlyList<T[]> parts)
        where T : unmanaged
    {
        data.Begin(0);
        foreach (var part in parts)
        {
            data.Write<T>(part);
        }

        return new GraphValue(Add(name, type, shape).Name);
    }

    /// <summary>Reads a matrix in chunks of whole rows.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="weight">The matrix.</param>
    /// <param name="use">Takes each chunk: the weights, the number of rows.</param>
    public void ReadChunks(string name, Weight weight, Action<ReadOnlyMemory<float>, int> use) =>
        Read(weight, (chunk, count) =>
        {
            use(chunk, count);
            Advance(name, chunk.Length);
        });

    /// <summary>Looks at a matrix before it is written, in chunks of whole rows.</summary>
    /// <param name="weight">The matrix.</param>
    /// <param name="look">Takes each chunk.</param>
    public void Scan(Weight weight, Action<ReadOnlyMemory<float>> look) => Read(weight, (chunk, _) =>
    {
        look(chunk);
        cancellationToken.ThrowIfCancellationRequested();
    });

    /// <summary>Goes through a matrix in chunks of whole rows.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="weight">The matrix.</param>
    /// <param name="use">Takes each chunk: its first row, the number of rows.</param>
    public void ForChunks(string name, Weight weight, Action<int, int> use) => ForChunks(weight, (first, count) =>
    {
        use(first, count);
        Advance(name, (long)count * weight.Columns);
    });

    /// <summary>Says which weights stay in single precision, and why.</summary>
    public IEnumerable<string> Warnings() => Overflows.Select(overflow => string.Create(
        CultureInfo.InvariantCulture,
        $"'{overflow.Name}' stays in fp32: its largest weight is {overflow.Largest}, which half precision cannot "
        + $"express."));

    /// <summary>Reports weights that were written, and stops a cancelled export.</summary>
    public void Advance(string name, long count)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _done += count;
        progress?.Report(new ExportProgress(name, Math.Min(_done, total), total));
    }

    /// <summary>The exception for a tensor that is of no use.</summary>
    public CheckpointException Bad(string name, string what, Exception? inner = null) =>
        new($"Tensor '{name}' of '{source}' {what}.", source, name, inner);

    private static void Read(Weight weight, Action<ReadOnlyMemory<float>, int> use)
    {
        var buffer = ArrayPool<float>.Shared.Rent(checked(ChunkRows(weight) * weight.Columns));
        try
        {
            ForChunks(weight, (first, count) =>
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

    private static void ForChunks(Weight weight, Action<int, int> use)
    {
        var rows = ChunkRows(weight);
        for (var first = 0; first < weight.Rows; first += rows)
        {
            use(first, Math.Min(rows, weight.Rows - first));
        }
    }

    private static int ChunkRows(Weight weight) => Math.Clamp(ChunkWeights / weight.Columns, 1, weight.Rows);
}
