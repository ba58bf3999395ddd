using Slipway.Onnx;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Normalization over batches, groups, channels and features, and dropout where it does nothing.</summary>
internal static class NormalizationOperations
{
    public static IEnumerable<Operation> All =>
    [
        Row("functional.batch_norm", BatchNorm),
        Row("functional.layer_norm", LayerNorm),
        Row("functional.group_norm", GroupNorm),
        Row("functional.instance_norm", InstanceNorm),
        Row("functional.local_response_norm", LocalResponseNorm),
        .. Same(
            [
                "functional.dropout", "functional.dropout1d", "functional.dropout2d", "functional.dropout3d",
                "functional.alpha_dropout", "functional.feature_alpha_dropout",
            ], Dropout),
    ];

    private static GraphValue Dropout(OperationCall call)
        => call.Flag("training") && call.Number("p", 0.5) > 0
            ? throw new NotSupportedException(
                "Dropout that is told to train makes random numbers. Pass 'training: training', or keep the module in "
                + "a field, so that 'eval()' turns it off.")
            : call.Subject().Value;

    private static GraphValue BatchNorm(OperationCall call)
    {
        var x = call.Tensor("input");
        if (call.Flag("training") || !call.Has("running_mean"))
        {
            throw new NotSupportedException(
                "Batch normalization without running statistics depends on the other rows of the batch. Keep running "
                + "statistics, or use GroupNorm.");
        }

        var channels = x.Shape[1];
        return call.Node(
            "BatchNormalization", [
                x.Value, Vector(call, "weight", channels, 1), Vector(call, "bias", channels, 0),
                call.Cast(call.Tensor("running_mean"), x.Type), call.Cast(call.Tensor("running_var"), x.Type)],
            new NodeAttribute.Float("epsilon", (float)call.Number("eps", 1e-5)));
    }

    private static GraphValue LayerNorm(OperationCall call)
    {
        var x = call.Tensor("input");
        var shape = call.FindSizes("normalized_shape")!;
        GraphValue[] inputs = [x.Value, Vector(call, "weight", shape, 1)];
        return call.Node(
            "LayerNormalization", call.Has("bias") ? [.. inputs, call.Cast(call.Tensor("bias"), x.Type)] : inputs,
            new NodeAttribute.Int("axis", -shape.Count),
            new NodeAttribute.Float("epsilon", (float)call.Number("eps", 1e-5)));
    }

    // [n, c, …] → [n, groups, rest], each group to mean 0 and variance 1, then scaled by channel
    private static GraphValue GroupNorm(OperationCall call)
    {
        var x = call.Tensor("input");
        var groups = call.Int("num_groups");
        var grouped = call.Node("Reshape", [x.Value, call.Ints(0, groups, -1)]);
        return Affine(call, x, call.Node("Reshape", [Normalized(call, grouped, groups), call.Ints(x.Shape)]));
    }

    private static GraphValue InstanceNorm(OperationCall call)
    {
        var x = call.Tensor("input");
        if (!call.Flag("use_input_stats", true))
        {
            return call.Node(
                "BatchNormalization", [
                    x.Value, Vector(call, "weight", x.Shape[1], 1), Vector(call, "bias", x.Shape[1], 0),
                    call.Cast(call.Tensor("running_mean"), x.Type), call.Cast(call.Tensor("running_var"), x.Type)],
                new NodeAttribute.Float("epsilon", (float)call.Number("eps", 1e-5)));
        }

        var flat = call.Node("Reshape", [x.Value, call.Ints(0, 0, -1)]);
        return Affine(
            call, x, call.Node("Reshape", [Normalized(call, flat, x.Shape[1].Value), call.Ints(x.Shape)]));
    }

    private static GraphValue Normalized(OperationCall call, GraphValue x, long channels)
    {
        var single = ConvolutionOperations.Single(call.Type);
        var one = call.Node("Expand", [call.Constant(1, single), call.Ints(channels)]);
        var zero = call.Node("Expand", [call.Constant(0, single), call.Ints(channels)]);
        var result = call.Node(
            "InstanceNormalization", [call.Cast(x, call.Type, single), one, zero],
            new NodeAttribute.Float("epsilon", (float)call.Number("eps", 1e-5)));
        return call.Cast(result, single, call.Type);
    }

    private static GraphValue Affine(OperationCall call, TracedTensor x, GraphValue value)
    {
        long[] shape = [-1, .. Enumerable.Repeat(1L, x.Rank - 2)];
        GraphValue Column(string name) => call.Node("Reshape", [
            call.Cast(call.Tensor(name), call.Type), call.Ints(shape)]);
        value = call.Has("weight") ? call.Node("Mul", [value, Column("weight")]) : value;
        return call.Has("bias") ? call.Node("Add", [value, Column("bias")]) : value;
    }

    private static GraphValue LocalResponseNorm(OperationCall call)
        => call.Node(
            "LRN", [call.Tensor("input").Value], new NodeAttribute.Int("size", call.Int("size")),
            new NodeAttribute.Float("alpha", (float)call.Number("alpha", 1e-4)),
            new NodeAttribute.Float("beta", (float)call.Number("beta", 0.75)),
            new NodeAttribute.Float("bias", (float)call.Number("k", 1)));

    private static GraphValue Vector(OperationCall call, string name, TracedSize size, double fallback)
        => Vector(call, name, [size], fallback);

    private static GraphValue Vector(
        OperationCall call, string name, IReadOnlyList<TracedSize> shape, double fallback)
        => call.FindTensor(name) is { } given ? call.Cast(given, call.Type)
            : call.Node("Expand", [call.Constant(fallback, call.Type), call.Ints(shape)]);
}
