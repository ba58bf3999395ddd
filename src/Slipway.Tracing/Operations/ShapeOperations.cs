using Slipway.Onnx;
using static Slipway.Tracing.Operations.ElementwiseOperations;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Other arrangements of the elements of one tensor.</summary>
internal static class ShapeOperations
{
    public static IEnumerable<Operation> All =>
    [
        .. Same(
            [
                "Tensor.view", "Tensor.reshape", "Tensor.flatten", "Tensor.unflatten", "Tensor.ravel",
                "Tensor.atleast_1d", "Tensor.atleast_2d", "Tensor.atleast_3d",
            ],
            call => Reshape(call, call.Subject().Value, call.Subject().Shape, call.Results[0].Shape), isView: true),
        View("Tensor.squeeze", Squeeze),
        View("Tensor.unsqueeze", call => call.Node("Unsqueeze", [
            call.Subject().Value, call.Ints(NewAxis(call))])),
        .. Same(
            [
                "Tensor.contiguous", "Tensor.clone", "Tensor.detach", "Tensor.alias", "Tensor.cpu", "Tensor.cuda",
                "Tensor.mps", "Tensor.pin_memory", "Tensor.resolve_conj", "Tensor.resolve_neg", "Tensor.conj",
                "Tensor.conj_physical", "Tensor.to_dense", "Tensor.refine_names", "Tensor.rename", "Tensor.align_to",
            ],
            call => call.Subject().Value, isView: true),
        .. Same(["Tensor.to", "Tensor.to_type"], call => Subject(call), isView: true),
        View("Tensor.transpose", call => Swap(call, call.Int("dim0"), call.Int("dim1"))),
        View("Tensor.t", call => call.Subject().Rank < 2 ? call.Subject().Value : Swap(call, 0, 1)),
        .. Same(["Tensor.get_mT", "Tensor.adjoint", "Tensor.get_mH"], call => Swap(call, -2, -1), isView: true),
        View("Tensor.permute", call => call.Node("Transpose", [call.Subject().Value], new NodeAttribute.Ints(
            "perm", Array.ConvertAll(call.FindInts("permutation")!, axis => (long)call.Subject().Axis(axis))))),
        View("Tensor.movedim", MoveDim),
        .. Same(["Tensor.expand", "Tensor.broadcast_to"], Expand, isView: true),
        .. Same(["Tensor.repeat"], call => Repeat(call, call.FindSizes("sizes")!)),
        .. Same(["Tensor.tile"], call => Repeat(call, call.FindSizes("reps")!)),
        Row("Tensor.repeat_interleave", RepeatInterleave),
        Row("Tensor.flip", call => Flip(call, call.FindInts("dims")!)),
        Row("Tensor.fliplr", call => Flip(call, [1])),
        Row("Tensor.flipud", call => Flip(call, [0])),
        Row("Tensor._roll", Roll),
        Row("Tensor.rot90", Rotate),
        Row("Tensor.channel_shuffle", ChannelShuffle),
        Row("functional.pixel_shuffle", PixelShuffle),
        Row("functional.pixel_unshuffle", PixelUnshuffle),
    ];

    /// <summary>Elements in another shape: kept sizes are 0, one that varies is −1, others are computed.</summary>
    public static GraphValue Reshape(
        OperationCall call, GraphValue x, IReadOnlyList<TracedSize> from, IReadOnlyList<TracedSize> to)
    {
        if (from.SequenceEqual(to))
        {
            return x;
        }

        // A size of 0 would be read as "the same as before".
        if (to.Any(size => size.IsFixed && size.Value == 0))
        {
            return call.Node("Reshape", [x, call.Ints(to)], new NodeAttribute.Int("allowzero", 1));
        }

        var open = -1;
        var shape = new TracedSize[to.Count];
        for (var axis = 0; axis < to.Count; axis++)
        {
            shape[axis] = to[axis];
            if (to[axis].IsFixed)
            {
                continue;
            }

            if (axis < from.Count && from[axis].Equals(to[axis]))
            {
                shape[axis] = to[axis].Fixed(0);
            }
            else if (open < 0 && !to[axis].Runs.Contains(0))
            {
                (open, shape[axis]) = (axis, to[axis].Fixed(-1));
            }
        }

        return call.Node("Reshape", [x, call.Ints(shape)]);
    }

    /// <summary>Swaps two axes.</summary>
    public static GraphValue Swap(OperationCall call, long first, long second)
    {
        var x = call.Subject();
        return x.Rank == 0 ? x.Value : Swap(call, x.Value, x.Rank, x.Axis(first), x.Axis(second));
    }

    /// <summary>Swaps two axes of a value.</summary>
    public static GraphValue Swap(OperationCall call, GraphValue value, int rank, int first, int second)
    {
        long[] order = [.. Enumerable.Range(0, rank).Select(axis => (long)axis)];
        (order[first], order[second]) = (order[second], order[first]);
        return call.Node("Transpose", [value], new NodeAttribute.Ints("perm", order));
    }

    /// <summary>A part of an axis.</summary>
    public static GraphValue Slice(
        OperationCall call, GraphValue x, GraphValue start, GraphValue end, long axis, GraphValue? step = null)
        => call.Node("Slice", step is { } each
            ? [x, start, end, call.Ints(axis), each] : [x, start, end, call.Ints(axis)]);

    private static long NewAxis(OperationCall call)
    {
        var axis = call.Int("dim");
        return axis < 0 ? axis + call.Subject().Rank + 1 : axis;
    }

    // The axes that torch dropped are those that the shapes do not share.
    private static GraphValue Squeeze(OperationCall call)
    {
        var x = call.Subject();
        if (call.Results[0].Rank == x.Rank)
        {
            return x.Value;
        }

        if (call.Has("dim"))
        {
            return call.Node("Squeeze", [x.Value, call.Ints(x.Axis(call.Int("dim")))]);
        }

        long[] axes = [.. Enumerable.Range(0, x.Rank)
            .Where(axis => x.Shape[axis].IsFixed && x.Shape[axis].Value == 1).Select(axis => (long)axis)];
        return call.Node("Squeeze", [x.Value, call.Ints(axes)]);
    }

    private static GraphValue MoveDim(OperationCall call)
    {
        var x = call.Subject();
        var source = Array.ConvertAll(call.FindInts("source")!, x.Axis);
        var destination = Array.ConvertAll(call.FindInts("destination")!, x.Axis);
        var order = Enumerable.Repeat(-1L, x.Rank).ToArray();
        for (var index = 0; index < source.Length; index++)
        {
            order[destination[index]] = source[index];
        }

        var rest = new Queue<int>(Enumerable.Range(0, x.Rank).Except(source));
        for (var axis = 0; axis < order.Length; axis++)
        {
            order[axis] = order[axis] < 0 ? rest.Dequeue() : order[axis];
        }

        return call.Node("Transpose", [x.Value], new NodeAttribute.Ints("perm", order));
    }

    private static GraphValue Expand(OperationCall call)
        => call.Subject().Shape.SequenceEqual(call.Results[0].Shape) ? call.Subject().Value
            : call.Node("Expand", [call.Subject().Value, call.Ints(call.Results[0].Shape)]);

    private static GraphValue Repeat(OperationCall call, IReadOnlyList<TracedSize> counts)
    {
        var x = call.Subject();
        var value = x.Value;
        if (counts.Count > x.Rank)
        {
            value = call.Node("Unsqueeze", [
                value, call.Ints([.. Enumerable.Range(0, counts.Count - x.Rank).Select(axis => (long)axis)])]);
        }

        var leading = Enumerable.Repeat(counts[0].Fixed(1), Math.Max(0, x.Rank - counts.Count));
        return call.Node("Tile", [value, call.Ints([.. leading, .. counts])]);
    }

    // [.., n, ..] → [.., n, 1, ..] → [.., n, r, ..] → [.., n·r, ..]
    private static GraphValue RepeatInterleave(OperationCall call)
    {
        if (call.FindTensor("repeats") is not null)
        {
            throw new NotSupportedException(
                "Repeats in a tensor make a size that depends on data. Give the number of repeats as an integer.");
        }

        var x = call.Subject();
        var value = x.Value;
        var shape = x.Shape;
        if (!call.Has("dim"))
        {
            value = call.Node("Reshape", [value, call.Ints(-1)]);
            shape = [shape.Aggregate((left, right) => left * right)];
        }

        var axis = call.Has("dim") ? x.Axis(call.Int("dim")) : 0;
        value = call.Node("Unsqueeze", [value, call.Ints(axis + 1)]);
        List<TracedSize> expanded = [.. shape];
        expanded.Insert(axis + 1, call.FindSize("repeats")!);
        List<TracedSize> before = [.. shape];
        before.Insert(axis + 1, shape[0].Fixed(1));
        value = call.Node("Expand", [value, call.Ints(expanded)]);
        return Reshape(call, value, expanded, call.Results[0].Shape);
    }

    private static GraphValue Flip(OperationCall call, long[] axes)
    {
        var x = call.Subject();
        if (axes.Length == 0)
        {
            return x.Value;
        }

        return call.Node("Slice", [
            x.Value, call.Ints([.. axes.Select(_ => -1L)]), call.Ints([.. axes.Select(_ => long.MinValue)]),
            call.Ints([.. axes.Select(axis => (long)x.Axis(axis))]), call.Ints([.. axes.Select(_ => -1L)])]);
    }

    private static GraphValue Roll(OperationCall call)
    {
        var x = call.Subject();
        var shifts = call.FindSizes("shifts")!;
        var axes = call.FindInts("dims") ?? [];
        var value = x.Value;
        if (axes.Length == 0)
        {
            var count = x.Shape.Aggregate((left, right) => left * right);
            value = call.Node("Reshape", [value, call.Ints(-1)]);
            value = Roll(call, value, shifts[0], count, 0);
            return Reshape(call, value, [count], x.Shape);
        }

        for (var index = 0; index < axes.Length; index++)
        {
            value = Roll(call, value, shifts[index], x.Shape[x.Axis(axes[index])], x.Axis(axes[index]));
        }

        return value;
    }

    // The last elements come first.
    private static GraphValue Roll(OperationCall call, GraphValue x, TracedSize shift, TracedSize size, int axis)
    {
        var count = call.Node("Mod", [call.Ints(shift), call.Ints(size)]);
        var cut = call.Node("Sub", [call.Ints(size), count]);
        return call.Node("Concat", [
            Slice(call, x, cut, call.Ints(long.MaxValue), axis), Slice(call, x, call.Ints(0), cut, axis)],
            new NodeAttribute.Int("axis", axis));
    }

    private static GraphValue Rotate(OperationCall call)
    {
        var x = call.Subject();
        var axes = call.FindInts("dims") ?? [0, 1];
        var (first, second) = (x.Axis(axes[0]), x.Axis(axes[1]));
        return (((call.Int("k", 1) % 4) + 4) % 4) switch
        {
            0 => x.Value,
            1 => Swap(call, Flip(call, [second]), x.Rank, first, second),
            2 => Flip(call, [first, second]),
            _ => Swap(call, Flip(call, [first]), x.Rank, first, second),
        };
    }

    // [n, g·c, …] → [n, g, c, …] → [n, c, g, …] → [n, c·g, …]
    private static GraphValue ChannelShuffle(OperationCall call)
    {
        var x = call.Subject();
        var groups = call.Int("groups");
        var per = x.Shape[1].Map(channels => channels / groups);
        TracedSize[] split = [x.Shape[0], per.Fixed(groups), per, .. x.Shape.Skip(2)];
        var value = Swap(call, Reshape(call, x.Value, x.Shape, split), split.Length, 1, 2);
        return Reshape(call, value, [split[0], split[2], split[1], .. split.Skip(3)], x.Shape);
    }

    private static GraphValue PixelShuffle(OperationCall call)
        => call.Node(
            "DepthToSpace", [call.Subject().Value], new NodeAttribute.Int("blocksize", call.Int("upscale_factor")),
            new NodeAttribute.Text("mode", "CRD"));

    // [n, c, h·r, w·r] → [n, c, h, r, w, r] → [n, c, r, r, h, w] → [n, c·r·r, h, w]
    private static GraphValue PixelUnshuffle(OperationCall call)
    {
        var (x, result) = (call.Subject(), call.Results[0].Shape);
        if (x.Rank != 4)
        {
            throw new NotSupportedException("It takes [batch, channels, height, width]. Add the batch axis.");
        }

        var factor = result[2].Fixed(call.Int("downscale_factor"));
        TracedSize[] split = [x.Shape[0], x.Shape[1], result[2], factor, result[3], factor];
        var value = call.Node(
            "Transpose", [Reshape(call, x.Value, x.Shape, split)], new NodeAttribute.Ints("perm", [0, 1, 3, 5, 2, 4]));
        return Reshape(call, value, [split[0], split[1], factor, factor, split[2], split[4]], result);
    }
}
