using Slipway.Onnx;
using static Slipway.Tracing.Operations.ElementwiseOperations;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Sums, means, extremes and the like over axes, and sums along an axis.</summary>
internal static class ReductionOperations
{
    public static IEnumerable<Operation> All =>
    [
        .. Same(["Tensor.sum", "Tensor._sum"], call => Over(call, "ReduceSum", Subject(call))),
        Row("Tensor.mean", call => Over(call, "ReduceMean", Subject(call))),
        Row("Tensor.amax", call => OfTruths(call, "ReduceMax")),
        Row("Tensor.amin", call => OfTruths(call, "ReduceMin")),
        Row("Tensor.prod", call => Over(call, "ReduceProd", Subject(call))),
        Row("Tensor.nansum", call => Over(call, "ReduceSum", call.Node("Where", [
            call.Node("IsNaN", [Subject(call)]), Number(call, 0), Subject(call)]))),
        Row("Tensor.logsumexp", call => Over(call, "ReduceLogSumExp", Subject(call))),
        Several("Tensor.aminmax", AMinMax),
        Row("Tensor.all", call => Truth(call, "ReduceMin")),
        Row("Tensor.any", call => Truth(call, "ReduceMax")),
        Row("Tensor.count_nonzero", call => Over(
            call, "ReduceSum", call.Cast(call.Cast(call.Subject(), ElementType.Bool), ElementType.Bool, call.Type))),
        Row("Tensor.norm", call => Norm(call, call.Number("p", 2))),
        Row("linalg.vector_norm", call => Norm(call, call.Number("ord", 2))),
        .. Same(["linalg.norm"], LinearNorm),
        .. Same(["Tensor.var", "Tensor._var"], Variance),
        .. Same(["Tensor.std", "Tensor._std"], call => call.Node("Sqrt", [Variance(call)])),
        .. SameSeveral(
            ["Tensor.var_mean", "Tensor._var_mean"],
            call => [Variance(call), Over(call, "ReduceMean", Subject(call))]),
        .. SameSeveral(
            ["Tensor.std_mean", "Tensor._std_mean"],
            call => [call.Node("Sqrt", [Variance(call)]), Over(call, "ReduceMean", Subject(call))]),
        Row("Tensor.argmax", call => Position(call, "ArgMax")),
        Row("Tensor.argmin", call => Position(call, "ArgMin")),
        Row("Tensor.cumsum", call => call.Node("CumSum", [
            Subject(call), call.Scope.Int(call.Subject().Axis(call.Int("dim")))])),
        Row("Tensor.logcumsumexp", LogCumSumExp),
        Several("Tensor.topk", TopK),
        Several("Tensor.sort", Sort),
        Row("Tensor.argsort", call => Sort(call)[1]),
        Row("Tensor.msort", call => Sorted(call, 0, false)[0]),
        Several("Tensor.kthvalue", KthValue),
        Row("Tensor.trace", call => Reduce(call, "ReduceSum", call.Node("Mul", [
            Subject(call), call.Node("EyeLike", [Subject(call)], new NodeAttribute.Int("dtype", (long)call.Type))]),
            [0, 1], keep: false)),
        Row("Tensor.dist", call => Norm(
            call, call.Node("Sub", [Subject(call), call.Operand("other", call.Type)]), call.Number("p", 2), null,
            keep: false)),
        Row("functional.normalize", Normalize),
        Row("functional.cosine_similarity", CosineSimilarity),
        Row("functional.pairwise_distance", PairwiseDistance),
    ];

    /// <summary>Reduces axes; all of them where none are given.</summary>
    public static GraphValue Reduce(OperationCall call, string operation, GraphValue x, long[]? axes, bool keep)
    {
        NodeAttribute.Int keepDimensions = new("keepdims", keep ? 1 : 0);
        if (axes is null)
        {
            return call.Node(operation, [x], keepDimensions);
        }

        return call.Builder.Opset >= 18 || operation == "ReduceSum"
            ? call.Node(operation, [x, call.Ints(axes)], keepDimensions)
            : call.Node(operation, [x], new NodeAttribute.Ints("axes", axes), keepDimensions);
    }

    /// <summary>The extreme of all elements, or those along an axis with their positions.</summary>
    public static GraphValue Extreme(OperationCall call, string operation) => OfTruths(call, operation);

    /// <summary>The extremes along an axis and their positions.</summary>
    public static IReadOnlyList<GraphValue> ExtremeWithPosition(OperationCall call, string reduce, string position)
    {
        var x = call.Subject();
        if (!call.Has("dim"))
        {
            return [Extreme(call, reduce)];
        }

        if (x.Rank == 0)
        {
            return [x.Value, call.Constant(0, ElementType.Int64)];
        }

        var (axis, keep) = (x.Axis(call.Int("dim")), call.Flag("keepdim"));
        return
        [
            OfTruths(call, reduce),
            call.Node(position, [Comparable(call, x)], new NodeAttribute.Int("axis", axis),
                new NodeAttribute.Int("keepdims", keep ? 1 : 0)),
        ];
    }

    /// <summary>The vector norm over axes.</summary>
    public static GraphValue Norm(OperationCall call, GraphValue x, double p, long[]? axes, bool keep)
    {
        if (p.Equals(2.0))
        {
            return Reduce(call, "ReduceL2", x, axes, keep);
        }

        var size = call.Node("Abs", [x]);
        return p switch
        {
            1 => Reduce(call, "ReduceSum", size, axes, keep),
            double.PositiveInfinity => Reduce(call, "ReduceMax", size, axes, keep),
            double.NegativeInfinity => Reduce(call, "ReduceMin", size, axes, keep),
            0 => Reduce(call, "ReduceSum", call.Node("Sign", [size]), axes, keep),
            _ => call.Node("Pow", [
                Reduce(call, "ReduceSum", call.Node("Pow", [size, Number(call, p)]), axes, keep), Number(call, 1 / p)]),
        };
    }

    // TorchSharp 0.107 does not pass the axis on: the ranks tell what ran.
    private static IReadOnlyList<GraphValue> AMinMax(OperationCall call)
    {
        var axes = call.Results[0].Rank == 0 ? null : Axes(call);
        return
        [
            Reduce(call, "ReduceMin", Subject(call), axes, call.Flag("keepdim")),
            Reduce(call, "ReduceMax", Subject(call), axes, call.Flag("keepdim")),
        ];
    }

    private static long[]? Axes(OperationCall call)
    {
        var axes = call.FindInts("dim", "dims", "dimensions", "dimension");
        return axes is null or { Length: 0 } ? null : Array.ConvertAll(axes, axis => (long)call.Subject().Axis(axis));
    }

    private static GraphValue Over(OperationCall call, string operation, GraphValue x)
    {
        if (call.Subject().Rank == 0 && operation is not "ReduceLogSumExp")
        {
            return x;
        }

        // 'sum(0)' is a sum in bytes, which ONNX Runtime does not have.
        if (operation is "ReduceSum" or "ReduceProd" && call.Type is ElementType.UInt8 or ElementType.Int8
            or ElementType.Int16)
        {
            var wide = call.Cast(x, call.Type, ElementType.Int32);
            return call.Cast(
                Reduce(call, operation, wide, Axes(call), call.Flag("keepdim")), ElementType.Int32, call.Type);
        }

        return Reduce(call, operation, x, Axes(call), call.Flag("keepdim"));
    }

    // ONNX Runtime finds no extremes of truth values and small integers.
    private static GraphValue OfTruths(OperationCall call, string operation)
    {
        var x = call.Subject();
        if (ElementTypes.IsReal(x.Type) || x.Type is ElementType.Int32 or ElementType.Int64)
        {
            return Over(call, operation, x.Value);
        }

        return call.Cast(Over(call, operation, call.Cast(x, ElementType.Int32)), ElementType.Int32, x.Type);
    }

    private static GraphValue Truth(OperationCall call, string operation)
    {
        var truths = call.Cast(call.Cast(call.Subject(), ElementType.Bool), ElementType.Bool, ElementType.Int32);
        return call.Cast(Over(call, operation, truths), ElementType.Int32, call.Type);
    }

    private static GraphValue Norm(OperationCall call, double p)
        => Norm(call, Subject(call), p, Axes(call), call.Flag("keepdim"));

    private static GraphValue LinearNorm(OperationCall call)
    {
        if (call.Has("ord") && (call.Argument("ord") is string || Axes(call) is { Length: > 1 }
            || (Axes(call) is null && call.Subject().Rank > 1)))
        {
            throw new NotSupportedException("Norms of matrices have no form in ONNX. Use a vector norm over one axis.");
        }

        return Norm(call, call.Number("ord", 2));
    }

    // Σ(x − mean)² / (n − 1); n may vary with the sizes
    private static GraphValue Variance(OperationCall call)
    {
        var x = call.Subject();
        var axes = Axes(call);
        var value = Subject(call);
        var mean = Reduce(call, "ReduceMean", value, axes ?? AllAxes(x.Rank), keep: true);
        var difference = call.Node("Sub", [value, mean]);
        var square = call.Node("Mul", [difference, difference]);

        // Without dimensions TorchSharp 0.107 passes no flag on, and libtorch takes the unbiased form.
        var correction = axes is null ? UnbiasedWithoutAxes(call) : call.Flag("unbiased", true);
        if (!correction)
        {
            return Reduce(call, "ReduceMean", square, axes ?? AllAxes(x.Rank), call.Flag("keepdim"));
        }

        var sum = Reduce(call, "ReduceSum", square, axes ?? AllAxes(x.Rank), call.Flag("keepdim"));
        var count = (axes ?? AllAxes(x.Rank)).Select(axis => x.Shape[(int)axis]).Aggregate(
            x.Rank > 0 ? x.Shape[0].Fixed(1) : new TracedSize(1), (total, size) => total * size);
        return call.Node("Div", [sum, Count(call, count.Map(size => size - 1))]);
    }

    private static bool UnbiasedWithoutAxes(OperationCall call)
    {
        using var probe = TorchSharp.torch.arange(0f, 4f, 2f);
        using var variance = probe.var(call.Flag("unbiased", true));
        return variance.item<float>() > 1.5f;
    }

    private static GraphValue Count(OperationCall call, TracedSize count)
        => count.IsFixed ? Number(call, count.Value)
            : call.Node("Cast", [call.Node("Squeeze", [call.Ints(count), call.Ints(0)])],
                new NodeAttribute.Int("to", (long)call.Type));

    private static long[] AllAxes(int rank) => [.. Enumerable.Range(0, rank).Select(axis => (long)axis)];

    private static GraphValue Comparable(OperationCall call, TracedTensor x)
        => ElementTypes.IsReal(x.Type) || x.Type == ElementType.Int32 ? x.Value : call.Cast(x, ElementType.Int32);

    private static GraphValue Position(OperationCall call, string operation)
    {
        var x = call.Subject();
        if (x.Rank == 0)
        {
            return call.Constant(0, ElementType.Int64);
        }

        if (call.Has("dim"))
        {
            return call.Node(
                operation, [Comparable(call, x)], new NodeAttribute.Int("axis", x.Axis(call.Int("dim"))),
                new NodeAttribute.Int("keepdims", call.Flag("keepdim") ? 1 : 0));
        }

        return call.Node(
            operation, [call.Node("Reshape", [Comparable(call, x), call.Ints(-1)])], new NodeAttribute.Int("axis", 0),
            new NodeAttribute.Int("keepdims", 0));
    }

    // max + ln Σ exp(x − max), with the running sum
    private static GraphValue LogCumSumExp(OperationCall call)
    {
        var axis = call.Subject().Axis(call.Int("dim"));
        var max = Reduce(call, "ReduceMax", Subject(call), [axis], keep: true);
        var sum = call.Node("CumSum", [
            call.Node("Exp", [call.Node("Sub", [Subject(call), max])]), call.Scope.Int(axis)]);
        return call.Node("Add", [call.Node("Log", [sum]), max]);
    }

    private static IReadOnlyList<GraphValue> TopK(OperationCall call)
    {
        var x = call.Subject();
        return call.Nodes(
            "TopK", [x.Value, call.Ints(call.FindSize("k")!)], 2,
            new NodeAttribute.Int("axis", x.Axis(call.Int("dim", -1))),
            new NodeAttribute.Int("largest", call.Flag("largest", true) ? 1 : 0),
            new NodeAttribute.Int("sorted", call.Flag("sorted", true) ? 1 : 0));
    }

    private static IReadOnlyList<GraphValue> Sort(OperationCall call)
        => Sorted(call, call.Int("dim", -1), call.Flag("descending"));

    private static IReadOnlyList<GraphValue> Sorted(OperationCall call, long dimension, bool descending)
    {
        var x = call.Subject();
        var axis = x.Axis(dimension);
        return call.Nodes(
            "TopK", [x.Value, call.Ints(x.Shape[axis])], 2, new NodeAttribute.Int("axis", axis),
            new NodeAttribute.Int("largest", descending ? 1 : 0), new NodeAttribute.Int("sorted", 1));
    }

    private static IReadOnlyList<GraphValue> KthValue(OperationCall call)
    {
        var x = call.Subject();
        var axis = x.Axis(call.Int("dim", -1));
        var least = call.Nodes(
            "TopK", [x.Value, call.Ints(call.FindSize("k")!)], 2, new NodeAttribute.Int("axis", axis),
            new NodeAttribute.Int("largest", 0), new NodeAttribute.Int("sorted", 1));
        GraphValue Last(GraphValue value)
        {
            var last = call.Node("Gather", [value, call.Ints(-1)], new NodeAttribute.Int("axis", axis));
            return call.Flag("keepdim") ? last : call.Node("Squeeze", [last, call.Ints(axis)]);
        }

        return [Last(least[0]), Last(least[1])];
    }

    private static GraphValue Normalize(OperationCall call)
    {
        var x = call.Subject();
        var norm = Norm(call, x.Value, call.Number("p", 2), [x.Axis(call.Int("dim", 1))], keep: true);
        return call.Node("Div", [x.Value, call.Node("Max", [norm, Number(call, call.Number("eps", 1e-12))])]);
    }

    // x·y / (max(|x|, ε) max(|y|, ε))
    private static GraphValue CosineSimilarity(OperationCall call)
    {
        var (x, y) = (call.Operand("x1", call.Type), call.Operand("x2", call.Type));
        var rank = Math.Max(call.Tensor("x1").Rank, call.Tensor("x2").Rank);
        var dimension = call.Int("dim", 1);
        long[] axes = [dimension < 0 ? dimension : dimension - rank];
        GraphValue Length(GraphValue value) => call.Node("Max", [
            Reduce(call, "ReduceL2", value, axes, keep: false), Number(call, call.Number("eps", 1e-8))]);
        var product = Reduce(call, "ReduceSum", call.Node("Mul", [x, y]), axes, keep: false);
        return call.Node("Div", [product, call.Node("Mul", [Length(x), Length(y)])]);
    }

    private static GraphValue PairwiseDistance(OperationCall call)
    {
        var difference = call.Node("Add", [
            call.Node("Sub", [call.Operand("input1", call.Type), call.Operand("input2", call.Type)]),
            Number(call, call.Number("eps", 1e-6))]);
        return Norm(call, difference, call.Number("p", 2), [-1], call.Flag("keepdim"));
    }
}
