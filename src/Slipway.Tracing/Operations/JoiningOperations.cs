using Slipway.Onnx;
using static Slipway.Tracing.Operations.Rows;
using static Slipway.Tracing.Operations.ShapeOperations;

namespace Slipway.Tracing.Operations;

/// <summary>Tensors put together or taken apart.</summary>
internal static class JoiningOperations
{
    public static IEnumerable<Operation> All =>
    [
        .. SameSeveral(
            [
                "Tensor.chunk", "Tensor.split", "Tensor.tensor_split", "Tensor.hsplit", "Tensor.vsplit",
                "Tensor.dsplit",
            ], Split),
        Several("Tensor.unbind", Unbind),
        Row("torch.cat", call => Concat(call, call.Tensors("tensors"), call.Int("dim", 0))),
        Row("torch.stack", Stack),
        Row("torch.hstack", call => Concat(call, call.Tensors("tensors"), call.Results[0].Rank > 1 ? 1 : 0)),
        .. Same(["torch.vstack", "torch.row_stack"], call => Joined(call, 0)),
        Row("torch.column_stack", call => Joined(call, 1)),
        Row("torch.dstack", call => Joined(call, 2)),
        Several("torch.broadcast_tensors", call => [.. call.Tensors("tensors").Zip(call.Results, (tensor, result) =>
            call.Node("Expand", [tensor.Value, call.Ints(result.Shape)]))]),
        Several("torch.meshgrid", MeshGrid),
    ];

    private static IReadOnlyList<GraphValue> Split(OperationCall call)
    {
        var x = call.Subject();
        if (call.FindTensor("indices") is not null)
        {
            throw new NotSupportedException("Indices in a tensor make sizes that depend on data. Give integers.");
        }

        var axis = x.Axis(call.Name switch
        {
            "hsplit" => x.Rank > 1 ? 1 : 0,
            "vsplit" => 0,
            "dsplit" => 2,
            _ => call.Int("dim", 0),
        });
        return call.Results.Count == 1
            ? [call.Node("Identity", [x.Value])]
            : call.Nodes(
                "Split", [x.Value, call.Ints([.. call.Results.Select(result => result.Shape[axis])])],
                call.Results.Count, new NodeAttribute.Int("axis", axis));
    }

    private static IReadOnlyList<GraphValue> Unbind(OperationCall call)
    {
        var x = call.Subject();
        var axis = x.Axis(call.Int("dimension", 0));
        return [.. call.Results.Select((_, index) => call.Node(
            "Gather", [x.Value, call.Scope.Int(index)], new NodeAttribute.Int("axis", axis)))];
    }

    private static GraphValue Stack(OperationCall call)
    {
        var axis = call.Results[0].Axis(call.Int("dim", 0));
        return call.Node("Concat", [.. call.Tensors("tensors").Select(tensor => call.Node("Unsqueeze", [
            call.Cast(tensor, call.Type), call.Ints(axis)]))], new NodeAttribute.Int("axis", axis));
    }

    private static GraphValue Joined(OperationCall call, int axis)
    {
        var rank = call.Results[0].Rank;
        return call.Node("Concat", [.. call.Tensors("tensors").Select(tensor =>
        {
            // Vectors are rows for vstack, columns for column_stack, and [1, n, 1] for dstack.
            var one = call.Results[0].Shape[0].Fixed(1);
            var shape = (tensor.Rank, axis) switch
            {
                (0, _) => (IReadOnlyList<TracedSize>)[.. Enumerable.Repeat(one, rank)],
                (1, 0) => [one, tensor.Shape[0]],
                (1, 1) => [tensor.Shape[0], one],
                (1, 2) => [one, tensor.Shape[0], one],
                (2, 2) => [.. tensor.Shape, one],
                _ => tensor.Shape,
            };
            return Reshape(call, call.Cast(tensor, call.Type), tensor.Shape, shape);
        })], new NodeAttribute.Int("axis", axis));
    }

    private static IReadOnlyList<GraphValue> MeshGrid(OperationCall call)
    {
        var tensors = call.Tensors("tensors");
        var swaps = call.Text("indexing") == "xy" && tensors.Count > 1;
        return [.. tensors.Select((tensor, index) =>
        {
            var axis = swaps && index < 2 ? 1 - index : index;
            var one = call.Results[0].Shape[0].Fixed(1);
            var shape = Enumerable.Repeat(one, tensors.Count).ToArray();
            shape[axis] = call.Results[index].Shape[axis];
            return call.Node("Expand", [
                Reshape(call, tensor.Value, tensor.Shape, shape), call.Ints(call.Results[index].Shape)]);
        })];
    }

    private static GraphValue Concat(OperationCall call, IReadOnlyList<TracedTensor> tensors, long dimension)
    {
        // An empty list of numbers joins anything.
        GraphValue[] parts = [.. tensors.Where(tensor => tensor.Rank == call.Results[0].Rank)
            .Select(tensor => call.Cast(tensor, call.Type))];
        return parts.Length == 1 ? parts[0]
            : call.Node("Concat", parts, new NodeAttribute.Int("axis", call.Results[0].Axis(dimension)));
    }
}
