using Slipway.Export.Passes;
using Slipway.Onnx;

namespace Slipway.Tracing.Passes;

/// <summary>Computes once what several nodes compute, and drops nodes that only rename a value.</summary>
internal static class MergeEqualNodes
{
    public static Graph Apply(Graph graph)
    {
        Dictionary<string, string> renamed = new(StringComparer.Ordinal);
        Dictionary<string, Node> known = new(StringComparer.Ordinal);
        HashSet<string> outputs = [.. graph.Outputs.Select(port => port.Name)];
        GraphUses uses = new(graph);

        // The node behind an output takes the output's name, where no other output has taken it.
        foreach (var node in graph.Nodes.Where(IsRenaming))
        {
            if (outputs.Contains(node.Outputs[0]) && uses.Maker(node.Inputs[0]) is { } maker && !IsRenaming(maker)
                && !outputs.Contains(node.Inputs[0]))
            {
                renamed.TryAdd(node.Inputs[0], node.Outputs[0]);
            }
        }

        string Name(string value)
        {
            while (renamed.TryGetValue(value, out var other))
            {
                value = other;
            }

            return value;
        }

        return GraphCopy.Prune(GraphCopy.Make(graph, Change), _ => true);

        IEnumerable<Node> Change(Node node)
        {
            var changed = node with
            {
                Inputs = [.. node.Inputs.Select(Name)],
                Outputs = [.. node.Outputs.Select(output => renamed.GetValueOrDefault(output, output))],
            };
            if (IsRenaming(node))
            {
                if (changed.Outputs[0] == changed.Inputs[0])
                {
                    return [];
                }

                if (!outputs.Contains(node.Outputs[0]))
                {
                    renamed.Add(node.Outputs[0], changed.Inputs[0]);
                    return [];
                }

                return [changed];
            }

            if (!IsRepeatable(node))
            {
                return [changed];
            }

            var key = Key(changed);
            if (!known.TryAdd(key, changed))
            {
                var first = known[key];
                if (changed.Outputs.Any(outputs.Contains) || first.Outputs.Count != changed.Outputs.Count)
                {
                    return [changed];
                }

                for (var index = 0; index < changed.Outputs.Count; index++)
                {
                    renamed[changed.Outputs[index]] = first.Outputs[index];
                }

                return [];
            }

            return [changed];
        }
    }

    private static bool IsRenaming(Node node)
        => node is { OpType: "Identity", Domain: OnnxModel.StandardDomain };

    // Random numbers are new each time.
    private static bool IsRepeatable(Node node) => node.Domain == OnnxModel.StandardDomain
        && !node.OpType.StartsWith("Random", StringComparison.Ordinal)
        && node.OpType is not ("Bernoulli" or "Multinomial" or "Dropout")
        && !node.Attributes.OfType<NodeAttribute.Unread>().Any();

    private static string Key(Node node) => string.Join(
        '\n',
        [node.OpType, .. node.Inputs, "", .. node.Attributes.Select(Text).Order(StringComparer.Ordinal)]);

    private static string Text(NodeAttribute attribute) => attribute switch
    {
        NodeAttribute.Int one => $"{one.Name}={one.Value}",
        NodeAttribute.Float one => $"{one.Name}={BitConverter.SingleToInt32Bits(one.Value)}",
        NodeAttribute.Text one => $"{one.Name}={one.Value}",
        NodeAttribute.Ints many => $"{many.Name}={string.Join(',', many.Values)}",
        NodeAttribute.Floats many =>
            $"{many.Name}={string.Join(',', many.Values.Select(BitConverter.SingleToInt32Bits))}",
        NodeAttribute.Texts many => $"{many.Name}={string.Join('\t', many.Values)}",
        _ => attribute.ToString(),
    };
}
