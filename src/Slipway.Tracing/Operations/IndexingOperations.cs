using Slipway.Onnx;
using static Slipway.Tracing.Operations.ElementwiseOperations;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Parts of tensors by position, range, index tensor and mask, read and written.</summary>
internal static class IndexingOperations
{
    public static IEnumerable<Operation> All =>
    [
        View("Tensor.get_TensorItems", call => IndexEmitter.Read(call, IndexEmitter.Indices(call), call.Subject())),
        View("Tensor.index", call => IndexEmitter.Read(call, IndexEmitter.Indices(call), call.Subject())),
        Row("Tensor.set_TensorItems", IndexEmitter.Write),
        Row("Tensor.index_put_", IndexEmitter.Write),
        View("Tensor.select", call => Select(call, call.Subject().Value, call.FindSize("index")!)),
        View("Tensor.narrow", call => ShapeOperations.Slice(
            call, call.Subject().Value, call.Ints(call.FindSize("start")!),
            call.Ints(Start(call) + call.FindSize("length")!), Axis(call))),
        View("Tensor.slice", call => ShapeOperations.Slice(
            call, call.Subject().Value, call.Ints(call.FindSize("start")!), call.Ints(call.FindSize("finish")!),
            Axis(call), call.Ints(call.Int("step", 1)))),
        Row("Tensor.index_select", call => call.Node("Gather", [
            call.Subject().Value, Index(call)], new NodeAttribute.Int("axis", Axis(call)))),
        Row("Tensor.gather", call => call.Node("GatherElements", [
            call.Subject().Value, Index(call)], new NodeAttribute.Int("axis", Axis(call)))),
        Row("Tensor.take", call => call.Node("Gather", [
            call.Node("Reshape", [call.Subject().Value, call.Ints(-1)]), Index(call)])),
        Row("Tensor.take_along_dim", TakeAlong),
        Row("Tensor.scatter", call => Scatter(call, call.Operand("src", call.Type), "none")),
        Row("Tensor.scatter_add", call => Scatter(call, call.Operand("src", call.Type), "add")),
        Row("Tensor.index_add", call => AlongAxis(call, call.Has("alpha") && !call.Number("alpha").Equals(1.0)
            ? Scaled(call, call.Operand("source", call.Type), call.Number("alpha"))
            : call.Operand("source", call.Type), "add")),
        Row("Tensor.index_copy", call => AlongAxis(call, call.Operand("source", call.Type), "none")),
        Row("Tensor.index_fill", call => AlongAxis(call, call.Scalar("value", call.Type), "none")),
        Row("Tensor.select_scatter", call => IndexEmitter.Replace(
            call, inner => Select(call, inner, call.FindSize("index")!), call.Operand("src", call.Type))),
        Row("Tensor.slice_scatter", SliceScatter),
        Row("Tensor.diagonal", Diagonal),
        Row("Tensor.copy_", call => call.Node("Expand", [
            call.Operand("source", call.Type), call.Ints(call.Results[0].Shape)])),
        Row("Tensor.fill_", call => call.Node("Expand", [
            call.Scalar("value", call.Type), call.Ints(call.Results[0].Shape)])),
        Row("Tensor.zero_", call => call.Node("Expand", [
            call.Constant(0, call.Type), call.Ints(call.Results[0].Shape)])),
        Row("Tensor.unfold", Unfold),
    ];

    private static int Axis(OperationCall call) => call.Subject().Axis(call.Int("dim", 0));

    private static GraphValue Index(OperationCall call)
        => IndexEmitter.Integers(call, call.Tensor("index", "indices"));

    private static TracedSize Start(OperationCall call)
    {
        var (start, size) = (call.FindSize("start")!, call.Subject().Shape[Axis(call)]);
        return start.Map(size, (position, length) => position < 0 ? position + length : position);
    }

    private static GraphValue Select(OperationCall call, GraphValue x, TracedSize index)
        => IndexEmitter.Position(call, x, index, Axis(call));

    private static GraphValue TakeAlong(OperationCall call)
    {
        var (x, index) = (call.Subject(), call.Tensor("indices"));
        if (!call.Has("dim"))
        {
            return call.Node("Gather", [
                call.Node("Reshape", [x.Value, call.Ints(-1)]),
                call.Node("Reshape", [Index(call), call.Ints(-1)])]);
        }

        var axis = Axis(call);
        var result = call.Results[0].Shape;
        GraphValue Expanded(TracedTensor tensor, GraphValue value)
        {
            IReadOnlyList<TracedSize> shape =
                [.. result.Select((size, at) => at == axis ? tensor.Shape[at] : size)];
            return shape.SequenceEqual(tensor.Shape) ? value : call.Node("Expand", [value, call.Ints(shape)]);
        }

        return call.Node("GatherElements", [
            Expanded(x, x.Value), Expanded(index, Index(call))], new NodeAttribute.Int("axis", axis));
    }

    // Of a source that is larger than the index only the beginning counts.
    private static GraphValue Scatter(OperationCall call, GraphValue source, string reduction)
    {
        var (index, tensor) = (call.Tensor("index"), call.Tensor("src"));
        if (!index.Shape.SequenceEqual(tensor.Shape))
        {
            source = call.Node("Slice", [
                source, call.Ints([.. index.Shape.Select(_ => 0L)]), call.Ints(index.Shape)]);
        }

        return call.Node(
            "ScatterElements", [call.Subject().Value, Index(call), source], new NodeAttribute.Int("axis", Axis(call)),
            new NodeAttribute.Text("reduction", reduction));
    }

    private static GraphValue AlongAxis(OperationCall call, GraphValue source, string reduction)
    {
        var axis = Axis(call);
        return IndexEmitter.Replace(
            call, inner => call.Node("Gather", [inner, Index(call)], new NodeAttribute.Int("axis", axis)), source,
            reduction);
    }

    private static GraphValue SliceScatter(OperationCall call)
    {
        var start = call.FindSize("start") is { } from ? call.Ints(from) : call.Ints(0);
        var end = call.FindSize("end") is { } to ? call.Ints(to) : call.Ints(long.MaxValue);
        return IndexEmitter.Replace(
            call, inner => ShapeOperations.Slice(
                call, inner, start, end, Axis(call), call.Ints(call.Int("step", 1))),
            call.Operand("src", call.Type));
    }

    // Elements [i, i + offset]: of the flattened pair of axes, every (columns + 1)th.
    private static GraphValue Diagonal(OperationCall call)
    {
        var x = call.Subject();
        var (first, second) = (x.Axis(call.Int("dim1", 0)), x.Axis(call.Int("dim2", 1)));
        var offset = call.Int("offset", 0);
        long[] order = [.. Enumerable.Range(0, x.Rank).Where(axis => axis != first && axis != second)
            .Append(first).Append(second).Select(axis => (long)axis)];
        var value = call.Node("Transpose", [x.Value], new NodeAttribute.Ints("perm", order));
        var (rows, columns) = (x.Shape[first], x.Shape[second]);
        TracedSize[] turned = [.. order.Select(axis => x.Shape[(int)axis])];
        TracedSize[] flat = [.. turned[..^2], rows * columns];
        value = ShapeOperations.Reshape(call, value, turned, flat);
        var step = columns.Map(width => width + 1);
        var start = offset >= 0 ? columns.Fixed(offset) : columns.Map(width => -offset * width);
        var length = call.Node("Min", [
            call.Ints(rows.Map(count => count + Math.Min(offset, 0))),
            call.Ints(columns.Map(count => count - Math.Max(offset, 0)))]);
        var end = call.Node("Add", [call.Ints(start), call.Node("Mul", [length, call.Ints(step)])]);
        return call.Node("Slice", [
            value, call.Ints(start), end, call.Ints(flat.Length - 1), call.Ints(step)]);
    }

    // Windows along an axis go to a new last axis: [.., n, ..] → [.., windows, .., size]
    private static GraphValue Unfold(OperationCall call)
    {
        var x = call.Subject();
        var axis = x.Axis(call.Int("dimension"));
        var (size, step) = (call.Int("size"), call.Int("step"));
        var count = call.Results[0].Shape[axis];
        var starts = call.Node("Mul", [
            call.Node("Range", [
                call.Scope.Int(0), call.Node("Squeeze", [call.Ints(count), call.Ints(0)]), call.Scope.Int(1)]),
            call.Scope.Int(step)]);
        var window = call.Ints([.. Enumerable.Range(0, (int)size).Select(at => (long)at)]);
        var index = call.Node("Add", [call.Node("Unsqueeze", [starts, call.Ints(1)]), window]);
        var value = call.Node("Gather", [x.Value, index], new NodeAttribute.Int("axis", axis));
        long[] order = [.. Enumerable.Range(0, x.Rank + 1).Where(at => at != axis + 1).Append(axis + 1)
            .Select(at => (long)at)];
        return call.Node("Transpose", [value], new NodeAttribute.Ints("perm", order));
    }
}
