using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;

namespace Slipway.LanguageModels.Attention;

/// <summary>A softmax over positions in a traced graph, with the products before and behind it.</summary>
/// <param name="Scores">The product of queries and keys, [batch, heads, time, time].</param>
/// <param name="Weights">What goes into the softmax.</param>
/// <param name="Product">The product of the weights and values.</param>
internal sealed record AttentionSite(Node Scores, string Weights, Node Product)
{
    /// <summary>Finds them.</summary>
    public static IReadOnlyList<AttentionSite> FindAll(GraphFacts facts)
        => [.. facts.Graph.Nodes.Where(node => node.OpType == "MatMul").Select(node => Find(facts, node))
            .OfType<AttentionSite>()];

    private static AttentionSite? Find(GraphFacts facts, Node product)
    {
        var value = product.Inputs[0];
        while (facts.Maker(value) is { OpType: "Identity" or "Cast" } same)
        {
            value = same.Inputs[0];
        }

        if (facts.Maker(value) is not { OpType: "Softmax" } softmax
            || AxisRules.Positive(AxisRules.Int(softmax, "axis", -1), facts[value].Rank) != facts[value].Rank - 1
            || !IsSquare(facts[value]))
        {
            return null;
        }

        var weights = softmax.Inputs[0];
        for (value = weights; facts.Maker(value) is { } node;)
        {
            if (node.OpType == "MatMul")
            {
                return node.Inputs.All(input => facts[input].DependsOnIds) && IsSquare(facts[value])
                    && facts[product.Inputs[1]].DependsOnIds ? new AttentionSite(node, weights, product) : null;
            }

            // One operand comes from the scores; what else ids decide is no mask of positions.
            string[] data = [.. node.Inputs.Where(input => input.Length > 0 && facts[input].DependsOnIds)];
            if (!AxisRules.IsElementwise(node) || data.Length != 1)
            {
                return null;
            }

            value = data[0];
        }

        return null;
    }

    private static bool IsSquare(ValueFacts facts)
        => facts.IsKnown && facts.Rank > 2 && facts.Axes[^1]!.IsTime && facts.Axes[^2]!.IsTime
            && facts.Axes.Take(facts.Rank - 2).All(axis => !axis!.HasTime);
}
