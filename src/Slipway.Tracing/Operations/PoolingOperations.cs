using System.Runtime.InteropServices;
using Slipway.Onnx;
using static Slipway.Tracing.Operations.ConvolutionOperations;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Pooling and resizing.</summary>
internal static class PoolingOperations
{
    public static IEnumerable<Operation> All =>
    [
        .. Enumerable.Range(1, 3).SelectMany(axes => new[]
        {
            Row($"functional.max_pool{axes}d", call => Max(call, axes)),
            Row($"functional.avg_pool{axes}d", call => Average(call, axes)),
            Row($"functional.adaptive_avg_pool{axes}d", call => AdaptiveAverage(call, axes)),
            Several($"functional.adaptive_max_pool{axes}d_with_indices", call => [AdaptiveMax(call, axes)]),
            Several($"functional.max_pool{axes}d_with_indices", call => [Max(call, axes)]),
            Row($"functional.upsample_nearest{axes}d", call => Resize(call, "nearest", false)),
        }),
        Row("functional.lp_pool1d", call => Powers(call, 1)),
        Row("functional.lp_pool2d", call => Powers(call, 2)),
        Row("functional.interpolate", Interpolate),
        Row("functional.grid_sample", GridSample),
    ];

    private static NodeAttribute[] Windows(OperationCall call, int axes)
    {
        var kernel = PerAxis(call, axes, 1, "kernel_size");
        var padding = PerAxis(call, axes, 0, "padding");
        var strides = call.FindInts("stride", "strides") is { Length: > 0 }
            ? PerAxis(call, axes, 1, "stride", "strides") : kernel;
        return
        [
            new NodeAttribute.Ints("kernel_shape", kernel), new NodeAttribute.Ints("strides", strides),
            new NodeAttribute.Ints("pads", [.. padding, .. padding]),
            new NodeAttribute.Int("ceil_mode", call.Flag("ceil_mode") ? 1 : 0),
        ];
    }

    private static GraphValue Max(OperationCall call, int axes) => Batched(call, axes, x => IsWhole(call, axes)
        ? call.Node("GlobalMaxPool", [x])
        : call.Node(
            "MaxPool", [x], [
                .. Windows(call, axes), new NodeAttribute.Ints("dilations", PerAxis(call, axes, 1, "dilation"))]));

    // A window as large as its axes are in every run, as in 'max_pool1d(x, x.shape[2])'.
    private static bool IsWhole(OperationCall call, int axes)
    {
        var shape = call.Tensor("input", "this", "x").Shape;
        return call.FindSizes("kernel_size") is { } kernel && kernel.Any(size => !size.IsFixed)
            && Enumerable.Range(1, axes).All(axis => kernel[^Math.Min(axis, kernel.Count)].Equals(shape[^axis]))
            && PerAxis(call, axes, 0, "padding").All(padding => padding == 0);
    }

    private static GraphValue Average(OperationCall call, int axes)
    {
        if (IsWhole(call, axes) && !call.Has("divisor_override"))
        {
            return Batched(call, axes, x => call.Node("GlobalAveragePool", [x]));
        }

        var kernel = PerAxis(call, axes, 1, "kernel_size");
        var isOverridden = call.Has("divisor_override") && call.Int("divisor_override") != 0;
        var result = Batched(call, axes, x => call.Node(
            "AveragePool", [x], [
                .. Windows(call, axes), new NodeAttribute.Int(
                    "count_include_pad", isOverridden || call.Flag("count_include_pad", true) ? 1 : 0)]));
        return isOverridden
            ? ElementwiseOperations.Scaled(
                call, result, kernel.Aggregate(1.0, (all, size) => all * size) / call.Int("divisor_override"))
            : result;
    }

    // (Σ xᵖ)^(1/p): libtorch sums without padding.
    private static GraphValue Powers(OperationCall call, int axes)
    {
        var p = call.Number("norm_type");
        var kernel = PerAxis(call, axes, 1, "kernel_size");
        var type = Single(call.Type);
        var mean = Batched(call, axes, x => call.Node(
            "AveragePool", [call.Node("Pow", [x, call.Constant(p, type)])],
            [.. Windows(call, axes), new NodeAttribute.Int("count_include_pad", 0)]));
        var sum = ElementwiseOperations.Scaled(call, mean, kernel.Aggregate(1.0, (all, size) => all * size));
        return call.Node("Pow", [sum, call.Constant(1 / p, call.Type)]);
    }

    private static GraphValue AdaptiveAverage(OperationCall call, int axes)
    {
        var x = call.Tensor("x", "input");
        var result = call.Results[0].Shape;
        long[] spatial = [.. Enumerable.Range(1, axes).Select(axis => (long)-axis)];
        if (spatial.All(axis => result[^(int)-axis] is { IsFixed: true, Value: 1 }))
        {
            return ReductionOperations.Reduce(call, "ReduceMean", x.Value, spatial, keep: true);
        }

        var value = x.Value;
        for (var axis = 1; axis <= axes; axis++)
        {
            var (size, wanted) = (x.Shape[^axis], result[^axis]);
            if (size.Equals(wanted))
            {
                continue;
            }

            if (!size.IsFixed)
            {
                if (wanted is not { IsFixed: true, Value: 1 })
                {
                    throw new NotSupportedException(
                        "Its windows vary with the size of the input. Fix the size, or pool to 1.");
                }

                value = ReductionOperations.Reduce(call, "ReduceMean", value, [-axis], keep: true);
                continue;
            }

            value = Weighted(call, value, x.Rank, x.Rank - axis, (int)size.Value, (int)wanted.Value);
        }

        return value;
    }

    // Windows of several widths: x · W, with W[i, o] = 1 / width where i lies in window o
    private static GraphValue Weighted(
        OperationCall call, GraphValue x, int rank, int axis, int size, int wanted)
    {
        var name = $"/constants/averages/{call.Type}/{size}x{wanted}";
        if (call.Builder.Graph.FindInitializer(name) is null)
        {
            List<byte> weights = [];
            for (var at = 0; at < size; at++)
            {
                for (var window = 0; window < wanted; window++)
                {
                    var (start, end) = (window * size / wanted, (((window + 1) * size) + wanted - 1) / wanted);
                    weights.AddRange(Graphs.Elements.Bytes(
                        at >= start && at < end ? 1.0 / (end - start) : 0, call.Type));
                }
            }

            call.Builder.Graph.AddInitializer(new Initializer(
                name, call.Type, [size, wanted], new TensorData.Inline(CollectionsMarshal.AsSpan(weights).ToArray())));
        }

        GraphValue matrix = new(name);
        return axis == rank - 1
            ? call.Node("MatMul", [x, matrix])
            : ShapeOperations.Swap(
                call, call.Node("MatMul", [ShapeOperations.Swap(call, x, rank, axis, rank - 1), matrix]), rank, axis,
                rank - 1);
    }

    private static GraphValue AdaptiveMax(OperationCall call, int axes)
    {
        var x = call.Tensor("input");
        var kernel = new long[axes];
        for (var axis = 0; axis < axes; axis++)
        {
            var (size, wanted) = (x.Shape[^(axes - axis)], call.Results[0].Shape[^(axes - axis)]);
            if (wanted is { IsFixed: true, Value: 1 } && !size.IsFixed)
            {
                return ReductionOperations.Reduce(
                    call, "ReduceMax", x.Value, [.. Enumerable.Range(1, axes).Select(at => (long)-at)], keep: true);
            }

            if (!size.IsFixed || size.Value % wanted.Value != 0)
            {
                throw new NotSupportedException(
                    "Its windows have several widths. Pool to a divisor of a fixed size, or to 1.");
            }

            kernel[axis] = size.Value / wanted.Value;
        }

        return Batched(call, axes, value => call.Node(
            "MaxPool", [value], new NodeAttribute.Ints("kernel_shape", kernel),
            new NodeAttribute.Ints("strides", kernel)));
    }

    private static GraphValue Interpolate(OperationCall call)
    {
        if (call.Flag("antialias"))
        {
            throw new NotSupportedException("Antialiasing has no exact form in ONNX. Resize without it.");
        }

        var mode = call.Text("mode")?.ToUpperInvariant() switch
        {
            "LINEAR" or "BILINEAR" or "TRILINEAR" => "linear",
            "BICUBIC" => "cubic",
            "NEAREST" => "nearest",
            "AREA" => "area",
            var other => throw new NotSupportedException($"The mode '{other}' has no form in ONNX. Use 'Bilinear'."),
        };
        return mode == "area" ? AdaptiveAverage(call, call.Results[0].Shape.Count - 2)
            : Resize(call, mode, call.Flag("align_corners"));
    }

    private static GraphValue Resize(OperationCall call, string mode, bool alignCorners)
    {
        var x = call.Tensor("x", "input");
        var factors = call.FindNumbers("scale_factor") ?? call.FindNumbers("scaleFactors")
            ?? call.FindNumbers("scaleFactor");
        List<NodeAttribute> attributes =
        [
            new NodeAttribute.Text("mode", mode),
            new NodeAttribute.Text("coordinate_transformation_mode", mode == "nearest" ? "asymmetric"
                : alignCorners ? "align_corners" : "half_pixel"),
        ];
        attributes.Add(mode == "nearest" ? new NodeAttribute.Text("nearest_mode", "floor")
            : new NodeAttribute.Float("cubic_coeff_a", -0.75f));
        var value = call.Cast(x, Single(call.Type));
        if (factors is { Length: > 0 } && !call.Flag("recompute_scale_factor"))
        {
            var all = factors.Length == 1 ? [.. Enumerable.Repeat(factors[0], x.Rank - 2)] : factors;
            var scales = call.Node("Concat", [
                .. Enumerable.Repeat(1.0, 2).Concat(all).Select(factor => call.Node("Unsqueeze", [
                    call.Constant(factor, ElementType.Float32), call.Ints(0)]))], new NodeAttribute.Int("axis", 0));
            value = call.Node("Resize", [value, default, scales], attributes);
        }
        else
        {
            value = call.Node("Resize", [value, default, default, call.Ints(call.Results[0].Shape)], attributes);
        }

        return call.Cast(value, Single(call.Type), call.Type);
    }

    private static GraphValue GridSample(OperationCall call)
    {
        var mode = call.Text("mode")?.ToUpperInvariant() switch
        {
            "NEAREST" => "nearest",
            _ => call.Builder.Opset >= 20 ? "linear" : "bilinear",
        };
        return call.Node(
            "GridSample", [call.Tensor("input").Value, call.Tensor("grid").Value],
            new NodeAttribute.Text("mode", mode),
            new NodeAttribute.Text("padding_mode", call.Text("padding_mode")?.ToUpperInvariant() switch
            {
                "BORDER" => "border",
                "REFLECTION" => "reflection",
                _ => "zeros",
            }),
            new NodeAttribute.Int("align_corners", call.Flag("align_corners") ? 1 : 0));
    }
}
