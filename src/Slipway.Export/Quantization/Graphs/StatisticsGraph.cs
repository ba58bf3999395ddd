using Slipway.Export.Passes;
using Slipway.Export.Quantization.Folding;
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
    private readonly Dictionary<string, InputSum[]> _byStack = new(StringComparer.Ordinal);
    private readonly List<InputSum> _counts = [];
    private readonly Dictionary<string, MatrixInputs> _known = new(StringComparer.Ordinal);

    private StatisticsGraph(Graph graph) => Graph = graph;

    /// <summary>The graph.</summary>
    public Graph Graph { get; private set; }

    /// <summary>Its outputs that are statistics.</summary>
    public IReadOnlyCollection<InputSum> Sums =>
        [.. _byInput.Values, .. _counts, .. _byStack.Values.SelectMany(sums => sums)];

    /// <summary>Makes the graph; null where nothing must be known.</summary>
    public static StatisticsGraph? Make(Graph graph, IReadOnlyList<PlannedMatrix> plan)
    {
        StatisticsGraph result = new(GraphCopy.Make(graph, node => [node]));

        // Encoders see whole texts at once, and some of their matrices one token of each only; so do experts that
        // gather their tokens.
        var isEncoder = !graph.Inputs.Any(port => port.Name.StartsWith("past", StringComparison.Ordinal));
        var gathered = GatheredRows.Find(graph);
        foreach (var planned in plan.Where(planned => planned.Needs != StatisticsNeed.None))
        {
            foreach (var input in InputsOf(planned.Matrix))
            {
                var columns = planned.Matrix.Columns;
                var countsRows = isEncoder || gathered.Contains(input);
                InputSum sum = new(
                    $"/statistics/{result._byInput.Count}", planned.Matrix.Name, columns, planned.Needs)
                {
                    Rows = countsRows
                        ? scope => scope.Reshape(new GraphValue(input), -1, columns)
                        : scope => InputSum.Later(scope, new GraphValue(input), columns),
                };
                if (countsRows && !result._byInput.ContainsKey(input))
                {
                    sum = sum with { Counts = result.CountRows(sum) };
                }

                var known = result._byInput.GetValueOrDefault(input, sum);
                result._byInput[input] = planned.Needs > known.Need ? known with { Need = planned.Needs } : known;
            }
        }

        foreach (var mixture in plan.Where(
            planned => planned.Matrix.Mixture is not null && planned.Needs != StatisticsNeed.None)
            .GroupBy(planned => planned.Matrix.Mixture!))
        {
            result.AddExperts(mixture.Key, [.. mixture]);
        }

        if (result.Sums.Count == 0)
        {
            return null;
        }

        // ONNX Runtime begins with what the last node needs. So each layer's sums are computed before the next layer,
        // and its inputs need not be kept.
        var places = Places(graph, plan);
        foreach (var sum in result.Sums.OrderByDescending(sum => places[sum.Matrix]))
        {
            sum.AddTo(result.Graph);
        }

        HashSet<string> outputs = [.. result.Sums.Select(sum => sum.Output)];
        result.Graph = GraphCopy.Prune(
            result.Graph, port => outputs.Contains(port.Name));
        return result;
    }

    /// <summary>The statistics of a matrix's inputs after a run.</summary>
    public MatrixInputs Of(GraphMatrix matrix)
    {
        if (_known.TryGetValue(matrix.Name, out var known))
        {
            return known;
        }

        // The products of a matrix that has several inputs count together; one input is the rule.
        InputSum[] sums = [.. InputsOf(matrix).Where(_byInput.ContainsKey).Select(input => _byInput[input])];
        var all = sums.Length == 0 ? null : sums.MaxBy(sum => sum.Tokens)!.Statistics;
        known = new MatrixInputs(
            all, _byStack.TryGetValue(matrix.Name, out var experts) ? InputSum.OfExperts(experts, all) : null);
        _known.Add(matrix.Name, known);
        return known;
    }

    private InputSum CountRows(InputSum sum)
    {
        InputSum counts = new($"{sum.Output}/rows", sum.Matrix, 1, StatisticsNeed.SecondMoments)
        {
            Rows = scope =>
            {
                var size = scope.Slice(scope.Shape(sum.Rows(scope)), scope.Ints(0), scope.Ints(1), scope.Ints(0));
                return scope.Expand(scope.Float(1), scope.Concat(0, size, scope.Ints(1)));
            },
        };
        _counts.Add(counts);
        return counts;
    }

    // Where the graph multiplies by each matrix first.
    private static Dictionary<string, int> Places(Graph graph, IReadOnlyList<PlannedMatrix> plan)
    {
        var places = graph.Nodes.Select((node, index) => (node.Outputs[0], index))
            .ToDictionary(StringComparer.Ordinal);
        return plan.Select(planned => planned.Matrix)
            .Where(matrix => matrix.Mixture is not null || matrix.Products.Count > 0)
            .ToDictionary(
                matrix => matrix.Name,
                matrix => matrix.Mixture is { } mixture
                    ? places[mixture.Outputs[0]] : matrix.Products.Min(node => places[node.Outputs[0]]));
    }

    // Products of a matrix's inputs take no more room than the matrix; otherwise experts share those of all tokens, and
    // second matrices, whose inputs have nothing in common, have mean squares.
    private void AddExperts(Node mixture, PlannedMatrix[] matrices)
    {
        var shape = Graph.FindInitializer(mixture.Inputs[GraphLayers.SecondExperts])?.Shape;
        if (shape is not { Count: 3 } || GraphLayers.Attribute(mixture, "swiglu_fusion") != 1)
        {
            return;
        }

        ExpertInputs inputs = new(mixture, (int)shape[0], (int)shape[1], (int)shape[2]);
        var path = $"/statistics/experts/{_counts.Count}";
        InputSum counts = new(
            $"{path}/counts", matrices[0].Matrix.Name, inputs.Experts, StatisticsNeed.SecondMoments)
        {
            Rows = inputs.Mask,
        };
        _counts.Add(counts);
        foreach (var (matrix, planned) in matrices.Select(planned => (planned.Matrix, planned)))
        {
            var isFirst = mixture.Inputs[GraphLayers.FirstExperts] == matrix.Name;
            var fits = matrix.Columns <= matrix.Rows / matrix.Count;
            if (isFirst && !fits)
            {
                continue;
            }

            _byStack[matrix.Name] =
            [
                .. Enumerable.Range(0, inputs.Experts).Select(expert => new InputSum(
                    $"{path}/{(isFirst ? "first" : "second")}/{expert}", matrix.Name, matrix.Columns,
                    fits ? planned.Needs : StatisticsNeed.SecondMoments)
                {
                    Rows = scope => isFirst ? inputs.First(scope, expert) : inputs.Second(scope, expert),
                    Counts = counts,
                    Expert = expert,
                }),
            ];
        }
    }

    // The second matrices of experts multiply what stands nowhere in the graph.
    private static IEnumerable<string> InputsOf(GraphMatrix matrix) =>
        matrix.Mixture is not { } mixture ? matrix.Inputs.Distinct()
        : mixture.Inputs[2] == matrix.Name ? [mixture.Inputs[0]]
        : [];
}
