using Slipway.Export.Quantization;
using Slipway.Export.Quantization.Graphs;
using Slipway.Onnx;
using Slipway.Packaging;

namespace Slipway.Export.Weights;

/// <summary>Tells which matrices are stored otherwise than the codes that a package keeps.</summary>
internal static class KeptCodes
{
    private const string CodesSuffix = ".codes";

    /// <summary>Adds the matrices of a graph to its recipe, and those that rules have chosen anew.</summary>
    public static QuantizationRecipe Describe(
        Graph graph, QuantizationRecipe recipe, IReadOnlyList<PlannedMatrix> plan)
    {
        SortedDictionary<string, string> wider = new(StringComparer.Ordinal);
        foreach (var node in graph.Nodes)
        {
            var bits = Number(node, "bits") ?? Number(node, "expert_weight_bits");
            if (bits > recipe.Bits)
            {
                var precision = bits == 8 ? Precision.Int8 : Precision.Int4;
                MatrixFormat format = new(precision, null, (int?)Number(node, "block_size"));
                foreach (var codes in node.Inputs.Where(
                    input => input.EndsWith(CodesSuffix, StringComparison.Ordinal)))
                {
                    wider[codes[..^CodesSuffix.Length]] = format.ToString();
                }
            }
        }

        foreach (var planned in plan.Where(planned => !planned.IsKept))
        {
            wider[planned.Matrix.Name] = planned.Format.ToString();
        }

        return wider.Count == 0 ? recipe : recipe with { Matrices = wider };
    }

    private static long? Number(Node node, string name) =>
        node.Attributes.OfType<NodeAttribute.Int>().FirstOrDefault(one => one.Name == name)?.Value;
}
