using Slipway.Export.Passes;
using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Writes a float graph down with quantized matrices.</summary>
/// <remarks>
/// Values keep their names. Constants are written anew, one matrix after the other, so memory does not grow with the
/// model; a bias that is added to a product goes into it.
/// </remarks>
internal sealed class QuantizedGraph
{
    private const int BytesAtOnce = 1 << 20;

    private readonly Graph _source;
    private readonly GraphTensors _tensors;
    private readonly WeightWriter _writer;
    private readonly bool _exactActivations;
    private readonly Dictionary<Node, PlannedMatrix> _products = [], _lookups = [];
    private readonly Dictionary<Node, List<PlannedMatrix>> _mixtures = [];
    private readonly Dictionary<string, GraphWeight> _written = new(StringComparer.Ordinal);
    private readonly HashSet<Node> _folded = [];
    private readonly GraphUses _uses;
    private readonly Func<GraphMatrix, MatrixInputs> _statistics;
    private readonly KeptMatrices? _kept;

    private QuantizedGraph(
        Graph source, GraphTensors tensors, IReadOnlyList<PlannedMatrix> plan,
        Func<GraphMatrix, MatrixInputs> statistics, WeightWriter writer, bool exactActivations, KeptMatrices? kept)
    {
        (_source, _tensors, _writer) = (source, tensors, writer);
        (_statistics, _exactActivations, _kept) = (statistics, exactActivations, kept);
        _uses = new GraphUses(source);
        foreach (var planned in plan.Where(planned => planned.Format.Precision != Precision.Float32))
        {
            planned.Matrix.Products.ForEach(node => _products.Add(node, planned));
            planned.Matrix.Lookups.ForEach(node => _lookups.Add(node, planned));
            if (planned.Matrix.Mixture is { } mixture)
            {
                if (!_mixtures.TryGetValue(mixture, out var pair))
                {
                    _mixtures.Add(mixture, pair = []);
                }

                pair.Add(planned);
            }
        }
    }

    private Graph Target => _writer.Graph;

    /// <summary>Writes the graph.</summary>
    /// <param name="source">The float graph.</param>
    /// <param name="tensors">Its constants.</param>
    /// <param name="plan">How each matrix is stored; what is not in it stays as it is.</param>
    /// <param name="statistics">Gives statistics of a matrix's inputs.</param>
    /// <param name="writer">Takes the constants, over an empty graph.</param>
    /// <param name="exactActivations">Whether 8-bit weights multiply inputs as they are.</param>
    /// <param name="kept">Matrices that stay as the checkpoint holds them; null for none.</param>
    public static Graph Write(
        Graph source, GraphTensors tensors, IReadOnlyList<PlannedMatrix> plan,
        Func<GraphMatrix, MatrixInputs> statistics, WeightWriter writer, bool exactActivations,
        KeptMatrices? kept = null) =>
        new QuantizedGraph(source, tensors, plan, statistics, writer, exactActivations, kept).Write();

    private Graph Write()
    {
        GraphCopy.AddInputs(Target, _source, _source.Inputs);

        foreach (var constant in _source.Initializers.Where(IsKept))
        {
            Target.AddInitializer(
                _tensors.IsEdited(constant.Name) ? Edited(constant)
                : constant.Data is TensorData.Inline { Length: <= BytesAtOnce } ? constant : Copied(constant));
        }

        foreach (var node in _source.Nodes.Where(node => !_folded.Contains(node)))
        {
            Add(node);
        }

        foreach (var port in _source.Outputs)
        {
            Target.AddOutput(new GraphValue(port.Name), port.Type, port.Shape);
        }

        return Target;
    }

    // Casts of half-precision matrices, and transposes of tied ones, go with them.
    private bool IsKept(Initializer constant) => Target.FindInitializer(constant.Name) is null
        && !_products.Values.Concat(_lookups.Values).Concat(_mixtures.Values.SelectMany(pair => pair))
            .Any(planned => planned.Matrix.Name == constant.Name)
        || IsUsedOtherwise(constant.Name);

    private bool IsUsedOtherwise(string name) => Target.FindInitializer(name) is null && _source.Nodes.Any(node =>
        node.Inputs.Contains(name) && !GoesWithProducts(node) && !_products.ContainsKey(node)
        && !_lookups.ContainsKey(node) && !_mixtures.ContainsKey(node));

    private bool GoesWithProducts(Node node) => node.OpType == "Cast"
        || (node.OpType == "Transpose" && _source.Nodes.All(
            reader => !reader.Inputs.Contains(node.Outputs[0]) || _products.ContainsKey(reader)));

    private void Add(Node node)
    {
        if (_products.TryGetValue(node, out var product) && Stored(product) is FloatMatrix factor)
        {
            var weights = factor.Widen(new NodeScope(Target, $"/{product.Matrix.Name}")).Name;
            Target.AddNode(node.OpType == "Gemm" ? node with
            {
                Inputs = [node.Inputs[0], weights, .. node.Inputs.Skip(2)],
                Attributes = [new NodeAttribute.Int("transB", 1)],
            } : node with
            {
                Domain = OnnxModel.ContribDomain,
                OpType = "FusedMatMul",
                Inputs = [node.Inputs[0], weights],
                Attributes = [new NodeAttribute.Int("transB", 1)],
            });
        }
        else if (product is not null)
        {
            var (bias, output) = Bias(node);
            var made = Stored(product).Multiply(ScopeOf(node, product), new GraphValue(node.Inputs[0]), bias);
            Target.Rename(made, output);
        }
        else if (_lookups.TryGetValue(node, out var lookup) && Stored(lookup) is FloatMatrix table)
        {
            Target.AddNode(node with
            {
                Inputs = [table.Widen(new NodeScope(Target, $"/{lookup.Matrix.Name}")).Name, node.Inputs[1]],
            });
        }
        else if (lookup is not null)
        {
            Target.Rename(
                Stored(lookup).Gather(ScopeOf(node, lookup), new GraphValue(node.Inputs[1])), node.Outputs[0]);
        }
        else if (_mixtures.TryGetValue(node, out var pair))
        {
            Target.AddNode(Mixture(node, pair));
        }
        else if (node.Inputs.All(input => input.Length == 0 || Exists(input)))
        {
            Target.AddNode(node);
        }
    }

    // Several nodes in the place of one are named under it: beside it, one of them might have its name.
    private NodeScope ScopeOf(Node node, PlannedMatrix planned) => new(
        Target, Stored(planned) is BlockMatrix { Minima: not null } or BlockMatrix { InputOrder: not null }
            or TableMatrix
            ? node.Name : node.Name[..Math.Max(node.Name.LastIndexOf('/'), 0)]);

    // The cast of a half-precision matrix that is quantized has nothing to read any more.
    private bool Exists(string value) =>
        _source.FindInitializer(value) is null || Target.FindInitializer(value) is not null;

    // A sum with a constant that nothing else reads the product beside.
    private (GraphValue Bias, string Output) Bias(Node product)
    {
        var output = product.Outputs[0];
        if (product is { OpType: "Gemm", Inputs: [_, _, { Length: > 0 } own, ..] })
        {
            return (new GraphValue(own), output);
        }

        if (_uses.Count(output) == 1
            && _source.Nodes.FirstOrDefault(node => node.Inputs.Contains(output)) is { OpType: "Add" } sum)
        {
            var other = sum.Inputs[0] == output ? sum.Inputs[1] : sum.Inputs[0];
            if (_source.FindInitializer(other) is { Type: ElementType.Float32, Shape.Count: 1 } bias
                && bias.Shape[0] == _products[product].Matrix.Rows)
            {
                _folded.Add(sum);
                return (new GraphValue(other), sum.Outputs[0]);
            }
        }

        return (default, output);
    }

    private GraphWeight Stored(PlannedMatrix planned)
    {
        var matrix = planned.Matrix;
        if (!_written.TryGetValue(matrix.Name, out var stored))
        {
            stored = planned.IsKept ? _kept!.Write(_writer, matrix) : Anew();
            _written.Add(matrix.Name, stored);
        }

        return stored;

        GraphWeight Anew()
        {
            var format = planned.Format.Open(_statistics(matrix), _exactActivations);
            // Rows are looked up in whole blocks.
            var weight = matrix.Open(_tensors);
            format = matrix.Lookups.Count > 0 ? format.ForStacks(weight) : format;
            return format.Write(_writer, matrix.Name, weight);
        }
    }

    private Node Mixture(Node node, List<PlannedMatrix> pair)
    {
        if (pair is not [var first, var second])
        {
            throw new NotSupportedException(
                $"The node '{node.Name}' has one matrix of experts that is no constant; both are quantized or none.");
        }

        Weight[] stacks = [first.Matrix.Open(_tensors), second.Matrix.Open(_tensors)];
        GraphStack Store(PlannedMatrix planned) => planned.IsKept
            ? _kept!.WriteStack(_writer, planned.Matrix, [first.Matrix, second.Matrix])
            : planned.Format.Open(_statistics(planned.Matrix), _exactActivations).ForStacks(stacks).WriteStack(
                _writer, planned.Matrix.Name, planned.Matrix.Open(_tensors), planned.Matrix.Count);
        return (Store(first), Store(second)) switch
        {
            (BlockStack one, BlockStack two) when one.BlockSize == two.BlockSize => node with
            {
                OpType = "QMoE",
                Name = node.Name.Replace("/MoE", "/QMoE", StringComparison.Ordinal),
                Inputs =
                [
                    node.Inputs[0], node.Inputs[1], one.Codes.Name, one.Scales.Name, node.Inputs[3], two.Codes.Name,
                    two.Scales.Name, node.Inputs.Count > 5 ? node.Inputs[5] : "", "", "", "", one.ZeroPoints.Name,
                    two.ZeroPoints.Name,
                ],
                Attributes =
                [
                    .. node.Attributes,
                    .. Bits(one.Bits, two.Bits),
                    new NodeAttribute.Int("block_size", one.BlockSize), new NodeAttribute.Int("accuracy_level", 4),
                ],
            },
            (FloatStack one, FloatStack two) => node with
            {
                Inputs = [.. node.Inputs.Select((input, index) =>
                    index == 2 ? one.Weight.Name : index == 4 ? two.Weight.Name : input)],
            },
            _ => throw new NotSupportedException(
                $"The experts of '{node.Name}' are to be stored in two ways, '{first.Format}' and '{second.Format}', "
                + "which the operator does not have. Give both the same block size."),
        };
    }

    private static IEnumerable<NodeAttribute> Bits(int first, int second)
    {
        yield return new NodeAttribute.Int("expert_weight_bits", first);
        if (second != first)
        {
            yield return new NodeAttribute.Int("fc2_expert_weight_bits", second);
        }
    }

    // In single precision, so that nothing is rounded: the cast of a half-precision constant then does nothing.
    private Initializer Edited(Initializer constant)
    {
        var count = constant.Shape.Aggregate(1L, (product, size) => product * size);
        var buffer = new float[Math.Min(count, BytesAtOnce / sizeof(float))];
        _writer.Data.Begin(count * sizeof(float));
        for (long done = 0; done < count; done += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, count - done));
            _tensors.ReadFloats(constant, done, part);
            _writer.Data.Write<float>(part);
        }

        _writer.Advance(constant.Name, count);
        return constant with { Type = ElementType.Float32, Data = _writer.Data.End() };
    }

    private Initializer Copied(Initializer constant)
    {
        var length = constant.Data.Length;
        var buffer = new byte[Math.Min(length, BytesAtOnce)];
        _writer.Data.Begin(length);
        for (long done = 0; done < length; done += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - done));
            _tensors.ReadBytes(constant, done, part);
            _writer.Data.Write<byte>(part);
        }

        _writer.Advance(constant.Name, constant.Shape.Aggregate(1L, (product, size) => product * size));
        return constant with { Data = _writer.Data.End() };
    }
}
