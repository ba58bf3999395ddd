using System.Numerics.Tensors;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Sums over the values of a matrix's input.</summary>
/// <param name="Output">The output that has a run's sums.</param>
/// <param name="Matrix">A matrix with that input, for messages.</param>
/// <param name="Columns">Its size n.</param>
/// <param name="Need">What is summed.</param>
internal sealed record InputSum(string Output, string Matrix, int Columns, StatisticsNeed Need)
{
    // What an expert has not seen counts as so many tokens whose inputs are all alike: few tokens say little.
    private const float Presumed = 16;

    private float[]? _sums;
    private InputStatistics? _statistics;

    /// <summary>Makes the rows that are summed, [tokens, columns].</summary>
    public required Func<NodeScope, GraphValue> Rows { get; init; }

    /// <summary>
    /// Sums that count rows, a column for each expert; null where rows are all tokens but the first of each text.
    /// </summary>
    public InputSum? Counts { get; init; }

    /// <summary>The expert whose rows count, or 0.</summary>
    public int Expert { get; init; }

    /// <summary>Tokens that were counted.</summary>
    public long Tokens { get; private set; }

    /// <summary>The means; null before anything was counted.</summary>
    public InputStatistics? Statistics => _statistics ??=
        _sums is null ? null : Means(_sums, Counts is null ? Tokens : (float)OwnTokens);

    /// <summary>Returns the means of each expert; for one without tokens those of all, or nothing.</summary>
    /// <param name="experts">The sums of all experts of a mixture.</param>
    /// <param name="all">The means over all tokens, which first matrices have; null for second ones.</param>
    public static IReadOnlyList<InputStatistics?> OfExperts(IReadOnlyList<InputSum> experts, InputStatistics? all)
    {
        var tokens = experts.Sum(expert => expert.OwnTokens);
        var mean = experts.Sum(expert => expert.Squares) / Math.Max(tokens, 1) / experts[0].Columns;
        return [.. experts.Select(expert => expert.OwnTokens < 1 ? all : expert.Presume((float)mean))];
    }

    /// <summary>Takes the sums over the whole text.</summary>
    /// <param name="sums">The output's elements.</param>
    /// <param name="tokens">Tokens that they are summed over.</param>
    /// <exception cref="InvalidDataException">They are not finite.</exception>
    public void Observe(ReadOnlySpan<float> sums, long tokens)
    {
        if (!float.IsFinite(TensorPrimitives.Sum(sums)))
        {
            throw new InvalidDataException(
                $"Over the calibration text, inputs of '{Matrix}' are infinite or no numbers. The model overflows in "
                + "single precision there: mend its weights, or quantize it by 'search', which runs nothing.");
        }

        _sums = sums.ToArray();
        Tokens = tokens;
    }

    /// <summary>Adds the output to a graph.</summary>
    public void AddTo(Graph graph)
    {
        NodeScope scope = new(graph, "/statistics");
        var rows = Rows(scope);
        if (Counts is not null)
        {
            // An expert may have no token, and a product needs one.
            rows = scope.Concat(0, rows, scope.Expand(scope.Float(0), scope.Ints(1, Columns)));
        }

        Dimension[] size = Need == StatisticsNeed.Products ? [Columns, Columns] : [Columns];
        var before = graph.AddInput(CalibrationRun.BeforeOf(Output), ElementType.Float32, size);
        var sums = Need == StatisticsNeed.Products
            ? scope.AddNode(
                OnnxModel.StandardDomain, "Gemm", [rows, rows, before], [$"={Output}"],
                [new NodeAttribute.Int("transA", 1)])
            : scope.AddNode(
                OnnxModel.StandardDomain, "Add",
                [
                    before, scope.AddNode(
                        OnnxModel.StandardDomain, "ReduceSumSquare", [rows, scope.Ints(0)],
                        new NodeAttribute.Int("keepdims", 0)),
                ],
                [$"={Output}"], []);
        graph.AddOutput(sums[0], ElementType.Float32, size);
    }

    /// <summary>The tokens of a value but the first of each text, [tokens, columns].</summary>
    public static GraphValue Later(NodeScope scope, GraphValue value, int columns)
    {
        var shape = scope.Concat(0, scope.Shape(new GraphValue("input_ids")), scope.Ints(columns));
        var later = scope.Slice(
            scope.Reshape(value, shape), scope.Ints(1), scope.Ints(int.MaxValue), scope.Ints(1));
        return scope.Reshape(later, -1, columns);
    }

    private double OwnTokens => Counts?._sums?[Expert] ?? 0;

    private double Squares
    {
        get
        {
            if (Need != StatisticsNeed.Products)
            {
                return TensorPrimitives.Sum<float>(_sums);
            }

            var sum = 0.0;
            for (var column = 0; column < Columns; column++)
            {
                sum += _sums![(column * Columns) + column];
            }

            return sum;
        }
    }

    private InputStatistics Presume(float mean)
    {
        // They turn into the means, as those of all tokens do: nobody asks for an expert's twice.
        var sums = _sums!;
        for (var column = 0; column < Columns; column++)
        {
            sums[Need == StatisticsNeed.Products ? (column * Columns) + column : column] += Presumed * mean;
        }

        return Means(sums, (float)OwnTokens + Presumed);
    }

    private InputStatistics Means(float[] sums, float tokens)
    {
        TensorPrimitives.Divide(sums, tokens, sums);
        return Need == StatisticsNeed.Products
            ? new InputStatistics(Columns, sums) : new InputStatistics(sums);
    }
}
