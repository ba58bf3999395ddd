using Slipway.Onnx;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Convolutions, their transposes, padding and windows.</summary>
internal static class ConvolutionOperations
{
    public static IEnumerable<Operation> All =>
    [
        .. Enumerable.Range(1, 3).SelectMany(axes => new[]
        {
            Row($"functional.conv{axes}d", call => Convolve(call, axes)),
            Row($"functional.conv{axes}d_padding", call => Convolve(call, axes)),
            Row($"functional.conv_transpose{axes}d", call => Transposed(call, axes)),
        }),
        Row("functional.pad", Pad),
        Row("functional.unfold", Unfold),
        Row("functional.fold", Fold),
    ];

    /// <summary>Integers, one for each axis: one integer counts for all.</summary>
    public static long[] PerAxis(OperationCall call, int axes, long fallback, params IReadOnlyList<string> names)
        => call.FindInts(names) switch
        {
            null or { Length: 0 } => [.. Enumerable.Repeat(fallback, axes)],
            { Length: 1 } one => [.. Enumerable.Repeat(one[0], axes)],
            var all => all,
        };

    /// <summary>Runs an operation on [batch, channels, …], also without a batch, in single precision.</summary>
    public static GraphValue Batched(OperationCall call, int axes, Func<GraphValue, GraphValue> operation)
    {
        var x = call.Tensor("input", "this", "x");
        var value = call.Cast(x, Single(call.Type));
        var isBatched = x.Rank == axes + 2;
        value = operation(isBatched ? value : call.Node("Unsqueeze", [value, call.Ints(0)]));
        value = isBatched ? value : call.Node("Squeeze", [value, call.Ints(0)]);
        return call.Cast(value, Single(call.Type), call.Type);
    }

    /// <summary>The type that ONNX Runtime convolves in.</summary>
    public static ElementType Single(ElementType type) => type == ElementType.Float64 ? ElementType.Float32 : type;

    private static GraphValue Convolve(OperationCall call, int axes)
    {
        var weight = call.Tensor("weight");
        var kernel = weight.Shape.Skip(2).Select(size => size.Value).ToArray();
        var dilations = PerAxis(call, axes, 1, "dilation");
        long[] pads;
        if (call.Name.EndsWith("_padding", StringComparison.Ordinal))
        {
            // "Same" puts the odd zero behind.
            long[] total = [.. kernel.Zip(dilations, (size, by) => string.Equals(
                call.Text("padding"), "same", StringComparison.OrdinalIgnoreCase) ? by * (size - 1) : 0)];
            pads = [.. total.Select(size => size / 2), .. total.Select(size => size - (size / 2))];
        }
        else
        {
            var padding = PerAxis(call, axes, 0, "padding");
            pads = [.. padding, .. padding];
        }

        return Batched(call, axes, x => call.Node(
            "Conv", Inputs(call, x),
            new NodeAttribute.Ints("kernel_shape", kernel), new NodeAttribute.Ints("pads", pads),
            new NodeAttribute.Ints("strides", PerAxis(call, axes, 1, "stride", "strides")),
            new NodeAttribute.Ints("dilations", dilations), new NodeAttribute.Int("group", call.Int("groups", 1))));
    }

    private static GraphValue Transposed(OperationCall call, int axes)
    {
        var padding = PerAxis(call, axes, 0, "padding");
        return Batched(call, axes, x => call.Node(
            "ConvTranspose", Inputs(call, x),
            new NodeAttribute.Ints("kernel_shape", [.. call.Tensor("weight").Shape.Skip(2).Select(size => size.Value)]),
            new NodeAttribute.Ints("pads", [.. padding, .. padding]),
            new NodeAttribute.Ints("strides", PerAxis(call, axes, 1, "stride", "strides")),
            new NodeAttribute.Ints("dilations", PerAxis(call, axes, 1, "dilation")),
            new NodeAttribute.Ints("output_padding", PerAxis(call, axes, 0, "output_padding")),
            new NodeAttribute.Int("group", call.Int("groups", 1))));
    }

    private static GraphValue[] Inputs(OperationCall call, GraphValue x)
    {
        var weight = call.Cast(call.Tensor("weight"), Single(call.Type));
        return call.FindTensor("bias") is { } bias ? [x, weight, call.Cast(bias, Single(call.Type))] : [x, weight];
    }

    // torch counts pads from the last axis, ONNX all befores and then all behinds.
    private static GraphValue Pad(OperationCall call)
    {
        var x = call.Subject();
        var pads = call.FindSizes("pad")!;
        if (pads.Count == 1)
        {
            pads = [.. Enumerable.Repeat(pads[0], 2 * Math.Max(1, x.Rank - 2))];
        }

        var all = Enumerable.Repeat(pads[0].Fixed(0), 2 * x.Rank).ToArray();
        for (var index = 0; index < pads.Count; index++)
        {
            var axis = x.Rank - 1 - (index / 2);
            all[index % 2 == 0 ? axis : x.Rank + axis] = pads[index];
        }

        var mode = call.Text("mode")?.ToUpperInvariant() switch
        {
            "REFLECT" => "reflect",
            "REPLICATE" => "edge",
            "CIRCULAR" when call.Builder.Opset >= 19 => "wrap",
            "CIRCULAR" => throw new NotSupportedException("Circular padding needs operator set 19. Set 'Opset'."),
            _ => "constant",
        };
        GraphValue[] inputs = mode == "constant"
            ? [x.Value, call.Ints(all), call.Constant(call.Number("value", 0), x.Type)] : [x.Value, call.Ints(all)];
        return call.Node("Pad", inputs, new NodeAttribute.Text("mode", mode));
    }

    // Windows [n, c, h, w] → [n, c·kh·kw, positions]: gathered along height, then along width.
    private static GraphValue Unfold(OperationCall call)
    {
        var x = call.Subject();
        if (x.Rank != 4)
        {
            throw new NotSupportedException("It takes [batch, channels, height, width]. Add the batch axis.");
        }

        var (kernel, dilation) = (PerAxis(call, 2, 1, "kernel_size"), PerAxis(call, 2, 1, "dilation"));
        var (padding, stride) = (PerAxis(call, 2, 0, "padding"), PerAxis(call, 2, 1, "stride"));
        var value = call.Node("Pad", [
            x.Value, call.Ints(0, 0, padding[0], padding[1], 0, 0, padding[0], padding[1]),
            call.Constant(0, x.Type)]);
        var counts = new TracedSize[2];
        for (var axis = 0; axis < 2; axis++)
        {
            counts[axis] = x.Shape[2 + axis].Map(size =>
                ((size + (2 * padding[axis]) - (dilation[axis] * (kernel[axis] - 1)) - 1) / stride[axis]) + 1);
        }

        value = Windows(call, value, 2, kernel[0], dilation[0], stride[0], counts[0]);
        value = Windows(call, value, 4, kernel[1], dilation[1], stride[1], counts[1]);
        value = call.Node("Transpose", [value], new NodeAttribute.Ints("perm", [0, 1, 2, 4, 3, 5]));
        return call.Node("Reshape", [value, call.Ints(call.Results[0].Shape)]);
    }

    // [.., n, ..] → [.., size, windows, ..]
    private static GraphValue Windows(
        OperationCall call, GraphValue x, int axis, long size, long dilation, long stride, TracedSize count)
    {
        var starts = call.Node("Mul", [
            call.Node("Range", [
                call.Scope.Int(0), call.Node("Squeeze", [call.Ints(count), call.Ints(0)]), call.Scope.Int(1)]),
            call.Scope.Int(stride)]);
        var offsets = call.Node("Unsqueeze", [
            call.Ints([.. Enumerable.Range(0, (int)size).Select(at => at * dilation)]), call.Ints(1)]);
        return call.Node(
            "Gather", [x, call.Node("Add", [offsets, starts])], new NodeAttribute.Int("axis", axis));
    }

    private static GraphValue Fold(OperationCall call)
    {
        var padding = PerAxis(call, 2, 0, "padding");
        return call.Node(
            "Col2Im", [
                call.Subject().Value, call.Ints(PerAxis(call, 2, 1, "output_size")),
                call.Ints(PerAxis(call, 2, 1, "kernel_size"))],
            new NodeAttribute.Ints("dilations", PerAxis(call, 2, 1, "dilation")),
            new NodeAttribute.Ints("pads", [.. padding, .. padding]),
            new NodeAttribute.Ints("strides", PerAxis(call, 2, 1, "stride")));
    }
}
