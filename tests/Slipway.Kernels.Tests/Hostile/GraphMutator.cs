using Slipway.Onnx;

namespace Slipway.Kernels.Tests.Hostile;

/// <summary>
/// Changes one or two things of a graph: attributes, inputs and outputs of nodes, shapes and types of tensors.
/// </summary>
internal sealed class GraphMutator(Graph graph, Random random)
{
    private static readonly long[] _integers =
        [0, 1, -1, 2, 3, 7, 16, 31, 32, 33, 64, 512, 4096, 64000, int.MaxValue, int.MinValue, 1L << 32, long.MaxValue,
            long.MinValue];

    private static readonly float[] _numbers =
        [0, -1, 1e30f, -1e30f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon];

    /// <summary>Makes a changed graph and says what was changed.</summary>
    public (Graph Graph, string Change) Next()
    {
        while (true)
        {
            try
            {
                if (random.Next(4) == 0)
                {
                    return MutateConstant();
                }

                return MutateNode(random.Next(5) > 0);
            }
            catch (ArgumentException)
            {
                // A node that reads what nothing computes is no graph; another change is tried.
            }
        }
    }

    private (Graph Graph, string Change) MutateNode(bool kernels)
    {
        Node[] nodes = [.. graph.Nodes.Where(node => !kernels || node.Domain == "slipway")];
        var chosen = nodes[random.Next(nodes.Length)];
        var index = graph.Nodes.ToList().IndexOf(chosen);
        string[] values =
        [
            .. graph.Inputs.Select(port => port.Name), .. graph.Initializers.Select(one => one.Name),
            .. graph.Nodes.Take(index).SelectMany(node => node.Outputs).Where(output => output.Length > 0),
        ];
        var (changed, what) = random.Next(8) switch
        {
            0 or 1 or 2 when chosen.Attributes.Count > 0 => ChangeAttribute(chosen),
            3 when chosen.Attributes.Count > 0 => DropAttribute(chosen),
            4 => LeaveInput(chosen),
            5 => SwapInputs(chosen),
            6 => ChangeOperator(chosen),
            _ => ReadAnother(chosen, values),
        };
        return (KernelPackage.Change(graph, node => node == chosen ? changed : node),
            $"{chosen.OpType} '{chosen.Name}': {what}");
    }

    private (Graph Graph, string Change) MutateConstant()
    {
        Initializer[] constants = [.. graph.Initializers.Where(one => graph.Inputs.All(port => port.Name != one.Name))];
        var chosen = constants[random.Next(constants.Length)];
        long[] shape = [.. chosen.Shape];
        var (changed, what) = random.Next(4) switch
        {
            // The bytes stay as many.
            0 when shape.Length > 1 => (chosen with { Shape = [.. shape.Reverse()] }, "shape reversed"),
            1 => (chosen with { Shape = [shape.Aggregate(1L, (count, size) => count * size)] }, "shape flat"),
            2 when shape.Length > 0 && shape[0] % 2 == 0 => (Halved(chosen, shape), "shape halved"),
            _ => (Moved(chosen), "data elsewhere"),
        };
        return (
            KernelPackage.Change(graph, node => node, one => one.Name == chosen.Name ? changed : one),
            $"constant '{chosen.Name}': {what}");
    }

    private static Initializer Halved(Initializer constant, long[] shape) => constant with
    {
        Shape = [shape[0] / 2, .. shape[1..]],
        Data = constant.Data switch
        {
            TensorData.External(var file, var offset, var count) => new TensorData.External(file, offset, count / 2),
            TensorData.Inline(var bytes) => new TensorData.Inline(bytes[..(bytes.Length / 2)]),
            var other => other,
        },
    };

    private Initializer Moved(Initializer constant)
        => constant.Data is TensorData.External(var file, var offset, var count)
        ? constant with { Data = new TensorData.External(file, offset + (4096 * random.Next(-3, 1000)), count) }
        : constant with { Type = constant.Type == ElementType.Float32 ? ElementType.Int32 : ElementType.Float32 };

    private (Node, string) ChangeAttribute(Node node)
    {
        var index = random.Next(node.Attributes.Count);
        var changed = node.Attributes[index] switch
        {
            NodeAttribute.Int(var name, var value) => random.Next(12) == 0
                ? new NodeAttribute.Float(name, value) : new NodeAttribute.Int(name, Another(value)),
            NodeAttribute.Float(var name, _) => new NodeAttribute.Float(name, _numbers[random.Next(_numbers.Length)]),
            NodeAttribute.Ints(var name, var values) => new NodeAttribute.Ints(name, [.. values.Select(Another)]),
            var other => other,
        };
        return (
            node with { Attributes = [.. node.Attributes.Select((attribute, at) => at == index
                ? changed : attribute)] },
            $"{node.Attributes[index]} becomes {changed}");
    }

    private long Another(long value) => random.Next(3) switch
    {
        0 => _integers[random.Next(_integers.Length)],
        1 => unchecked(value * (1L << random.Next(1, 12))),
        _ => random.Next(2) == 0 ? value / 2 : value + random.Next(-3, 4),
    };

    private (Node, string) DropAttribute(Node node)
    {
        var dropped = node.Attributes[random.Next(node.Attributes.Count)];
        return (
            node with { Attributes = [.. node.Attributes.Where(attribute => attribute != dropped)] },
                $"without {dropped.Name}");
    }

    private (Node, string) LeaveInput(Node node)
    {
        var index = random.Next(node.Inputs.Count);
        return random.Next(2) == 0
            ? (node with { Inputs = [.. node.Inputs.Take(index)] }, $"only {index} inputs")
            : (node with { Inputs = [.. node.Inputs.Select((name, at) => at == index ? "" : name)] },
                $"without input {index}");
    }

    private (Node, string) SwapInputs(Node node)
    {
        var (one, other) = (random.Next(node.Inputs.Count), random.Next(node.Inputs.Count));
        string[] inputs = [.. node.Inputs];
        (inputs[one], inputs[other]) = (inputs[other], inputs[one]);
        return (node with { Inputs = inputs }, $"inputs {one} and {other} swapped");
    }

    private (Node, string) ReadAnother(Node node, string[] values)
    {
        var (index, value) = (random.Next(node.Inputs.Count), values[random.Next(values.Length)]);
        return (
            node with { Inputs = [.. node.Inputs.Select((name, at) => at == index ? value : name)] },
                $"input {index} is '{value}'");
    }

    private (Node, string) ChangeOperator(Node node)
    {
        string[] operators =
            ["FusedMatMulNBits", "GatedMatMulNBits", "GroupQueryAttention", "GroupQueryAttentionInt8", "MatMulNBits"];
        var name = operators[random.Next(operators.Length)];
        return random.Next(2) == 0
            ? (node with { OpType = name, Domain = "slipway" }, $"is {name}")
            : (node with { Outputs = [.. node.Outputs.Select((output, at) => at == node.Outputs.Count - 1 && at > 0
                ? "" : output)] },
                "without its last output");
    }
}
