using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;

namespace Slipway.LanguageModels.Caching;

/// <summary>The nodes from the last hidden states to the logits, each position by itself.</summary>
/// <param name="Input">The hidden states.</param>
/// <param name="Nodes">The nodes, in order.</param>
internal sealed record LogitsHead(string Input, IReadOnlyList<Node> Nodes)
{
    /// <summary>Finds the product that makes the logits, and what follows it; null where they are not apart.</summary>
    public static LogitsHead? Find(GraphFacts facts, string logits)
    {
        List<Node> nodes = [];
        for (var value = logits; facts.Maker(value) is { } node; value = node.Inputs[0])
        {
            var others = node.Inputs.Skip(1).Where(input => input.Length > 0);
            if (!IsRows(facts[value]) || others.Any(input => facts[input].HasTime || facts[input].DependsOnIds)
                || !facts[node.Inputs[0]].DependsOnIds
                || !(AxisRules.IsElementwise(node) || node.OpType is "MatMul" or "FusedMatMul"))
            {
                return null;
            }

            nodes.Insert(0, node);
            if (!AxisRules.IsElementwise(node) && IsRows(facts[node.Inputs[0]]))
            {
                return new LogitsHead(node.Inputs[0], nodes);
            }
        }

        return null;
    }

    /// <summary>Adds the nodes over other positions.</summary>
    public GraphValue Emit(
        Graph graph, GraphValue input, Func<string, GraphValue> constant,
        Func<Node, IReadOnlyList<GraphValue>, IReadOnlyList<GraphValue>> copy)
    {
        foreach (var node in Nodes)
        {
            input = copy(node, [
                input, .. node.Inputs.Skip(1).Select(other => other.Length == 0 ? default : constant(other))])[0];
        }

        return input;
    }

    private static bool IsRows(ValueFacts facts)
        => facts.Axes is [{ IsBatch: true }, { IsTime: true }, { IsFixed: true }];
}
