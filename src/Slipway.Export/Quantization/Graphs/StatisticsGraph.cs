using System.Numerics.Tensors;
using Slipway.Export.Passes;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Lets a float graph compute statistics of its matrices' inputs, in place of logits.</summary>
/// <remarks>
/// The graph has an output for each input x [.., n] that a method must know: xᵀ·x [n, n], or sums of squares [n].
/// The first token of each row is left out: its activations are a thousand times as large as others' and would decide
/// alone.
/// </remarks>
internal sealed class StatisticsGraph
{
    private readonly Dictionary<string, InputSum> _byInput = new(StringComparer.Ordinal);

    private StatisticsGraph(Graph graph) => Graph = graph;

    /// <summary>The graph.</summary>
    public Graph Graph { get; private set; }

    /// <summary>Its outputs that are statistics.</summary>
    public IReadOnlyCollection<InputSum> Sums => _byInput.Values;

    /// <summary>Makes the graph; null where nothing must be known.</summary>
    public static StatisticsGraph? Make(Graph graph, IReadOnlyList<PlannedMatrix> plan)
    {
        StatisticsGraph result = new(GraphCopy.Make(graph, node => [node]));
        foreach (var planned in plan.Where(planned => planned.Needs != StatisticsNeed.None))
        {
            foreach (var input in InputsOf(planned.Matrix))
            {
                var sum = new InputSum(
                    input, $"/statistics/{result._byInput.Count}", planned.Matrix.Name, planned.Matrix.Columns,
                    planned.Needs);
                var known = result._byInput.GetValueOrDefault(input, sum);
                result._byInput[input] = planned.Needs > known.Need ? known with { Need = planned.Needs } : known;
            }
        }

        if (result._byInput.Count == 0)
        {
            return null;
        }

        foreach (var sum in result._byInput.Values)
        {
            sum.AddTo(result.Graph);
        }

        HashSet<string> outputs = [.. result.Sums.Select(sum => sum.Output)];
        result.Graph = GraphCopy.Prune(
            result.Graph, port => outputs.Contains(port.Name));
        return result;
    }

    /// <summary>The statistics of a matrix's inputs after a run; null where none were taken.</summary>
    public InputStatistics? Of(GraphMatrix matrix)
    {
        // The products of a matrix that has several inputs count together; one input is the rule.
        InputSum[] sums = [.. InputsOf(matrix).Where(_byInput.ContainsKey).Select(input => _byInput[input])];
        return sums.Length == 0 ? null : sums.MaxBy(sum => sum.Tokens)!.Statistics;
    }

    // The second matrices of experts multiply what stands nowhere in the graph.
    private static IEnumerable<string> InputsOf(GraphMatrix matrix) =>
        matrix.Mixture is not { } mixture ? matrix.Inputs.Distinct()
        : mixture.Inputs[2] == matrix.Name ? [mixture.Inputs[0]]
        : [];
}

/// <summary>Sums over the values of a matrix's input.</summary>
/// <param name="Input">The input's name in the graph.</param>
/// <param name="Output">The output that has a run's sums.</param>
/// <param name="Matrix">A matrix with that input, for messages.</param>
/// <param name="Columns">Its size n.</param>
/// <param name="Need">What is summed.</param>
internal sealed record InputSum(string Input, string Output, string Matrix, int Columns, StatisticsNeed Need)
{
    private float[]? _sums;
    private InputStatistics? _statistics;

    /// <summary>Tokens that were counted.</summary>
    public long Tokens { get; private set; }

    /// <summary>The means; null before anything was counted.</summary>
    public InputStatistics? Statistics => _statistics ??= _sums is null ? null : Finish();

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
        var shape = scope.Concat(0, scope.Shape(new GraphValue("input_ids")), scope.Ints(Columns));
        var tokens = scope.Reshape(new GraphValue(Input), shape);
        var later = scope.Slice(tokens, scope.Ints(1), scope.Ints(int.MaxValue), scope.Ints(1));
        var rows = scope.Reshape(later, -1, Columns);
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

    private InputStatistics Finish()
    {
        TensorPrimitives.Divide(_sums!, Tokens, _sums!);
        return Need == StatisticsNeed.Products
            ? new InputStatistics(Columns, _sums!) : new InputStatistics(_sums!);
    }
}
