using System.Runtime.InteropServices;
using Slipway.Export.Passes;
using Slipway.Onnx;
using Slipway.Tracing.Graphs;
using TorchSharp;

namespace Slipway.Tracing.Passes;

/// <summary>Computes the nodes that arrange, convert or negate constants alone.</summary>
/// <remarks>
/// What a module computes from constants is folded before there are nodes; these are what operations add. A node stays
/// where its result would make the file noticeably larger, as the transpose of a weight that others read.
/// </remarks>
internal static class FoldConstants
{
    private const long SmallBytes = 1024;

    // One row an operator.
    private static readonly Dictionary<string, Func<Node, torch.Tensor[], torch.Tensor>> Functions =
        new(StringComparer.Ordinal)
        {
            ["Cast"] = (node, inputs) => inputs[0].to(
                ElementTypes.ToTorch((ElementType)GraphPatterns.Int(node, "to", 0))),
            ["Reshape"] = (_, inputs) => inputs[0].reshape(
                [.. Integers(inputs[1]).Select((size, axis) => size == 0 ? inputs[0].shape[axis] : size)]),
            ["Unsqueeze"] = (_, inputs) =>
            {
                var rank = inputs[0].ndim + inputs[1].numel();
                return Integers(inputs[1]).Select(axis => axis < 0 ? axis + rank : axis).Order()
                    .Aggregate(inputs[0], (value, axis) => value.unsqueeze(axis));
            },
            ["Transpose"] = (node, inputs) => inputs[0].permute([.. GraphPatterns.Ints(node, "perm")!]),
            ["Expand"] = (_, inputs) => inputs[0].expand(Integers(inputs[1])),
            ["Not"] = (_, inputs) => inputs[0].logical_not(),
            ["Neg"] = (_, inputs) => inputs[0].neg(),
        };

    public static Graph Apply(Graph graph, GraphConstants constants)
    {
        GraphUses uses = new(graph);
        HashSet<string> outputs = [.. graph.Outputs.Select(port => port.Name)];
        Dictionary<string, Initializer> folded = new(StringComparer.Ordinal);
        Graph scratch = new(graph.Name);
        foreach (var node in graph.Nodes.Where(node => node.Domain == OnnxModel.StandardDomain
            && !outputs.Contains(node.Outputs[0]) && !node.Attributes.Any(attribute => attribute.Name == "allowzero")))
        {
            Initializer[] inputs = [.. node.Inputs.Select(Find).OfType<Initializer>()];
            if (inputs.Length == node.Inputs.Count && Functions.TryGetValue(node.OpType, out var function)
                && (inputs[0].Data.Length <= SmallBytes || uses.Count(inputs[0].Name) == 1))
            {
                using var scope = torch.NewDisposeScope();
                using var gradients = torch.no_grad();
                var result = function(node, [.. inputs.Select(constants.Open)]);
                if (result.numel() * result.element_size() <= Math.Max(SmallBytes, inputs[0].Data.Length))
                {
                    constants.Add(scratch, node.Outputs[0], result);
                    folded.Add(node.Outputs[0], scratch.FindInitializer(node.Outputs[0])!);
                }
            }
        }

        return folded.Count == 0 ? graph : GraphCopy.Prune(
            GraphCopy.Make(
                graph, node => folded.ContainsKey(node.Outputs[0]) ? [] : [node], null, folded.Values), _ => true);

        Initializer? Find(string name) => folded.GetValueOrDefault(name)
            ?? (graph.Inputs.Any(port => port.Name == name) ? null : graph.FindInitializer(name));
    }

    private static long[] Integers(torch.Tensor tensor) => [.. MemoryMarshal.Cast<byte, long>(tensor.bytes)];
}
