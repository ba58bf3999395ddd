using Slipway.Onnx;
using Slipway.Training.Autograd;
using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Graphs;

/// <summary>The table of operators that graphs of decoders are computed with, gradients included.</summary>
/// <remarks>Sources: the operators of ONNX and of ONNX Runtime. A new one is a row.</remarks>
internal static class GraphOperators
{
    public static IReadOnlyDictionary<string, Func<GraphCall, Tensor[]>> All { get; } =
        new Dictionary<string, Func<GraphCall, Tensor[]>>(StringComparer.Ordinal)
        {
            ["Abs"] = call => [call[0].abs()],
            ["Add"] = call => [call[0].Plus(call[1])],
            ["Cast"] = call => [Cast(call[0], TypeOf((ElementType)call.Int("to", 0)))],
            ["Clip"] = call => [Clip(call)],
            ["Concat"] = call => [cat([.. Enumerable.Range(0, call.InputCount).Select(i => call[i])],
                call.Int("axis", 0))],
            ["Div"] = call => [call[0].is_integral() ? call[0].div(call[1], RoundingMode.trunc) : call[0] / call[1]],
            ["FusedMatMul"] = call => [FusedMatMul(call)],
            ["Gather"] = call => [Gather(call)],
            ["GatherBlockQuantized"] = QuantizedOperators.Gather,
            ["Gelu"] = call => [nn.functional.gelu(call[0], call.Text("approximate", "none") == "tanh"
                ? TorchSharp.Modules.GELU.Approximate.tanh : TorchSharp.Modules.GELU.Approximate.none)],
            ["GroupQueryAttention"] = AttentionOperators.GroupQueryAttention,
            ["LayerNormalization"] = call => [LayerNorm(call)],
            ["MatMul"] = call => [call[0].matmul(call[1])],
            ["MatMulNBits"] = QuantizedOperators.MatMul,
            ["Max"] = call => [call[0].maximum(call[1])],
            ["Min"] = call => [call[0].minimum(call[1])],
            ["Mul"] = call => [call[0] * call[1]],
            ["Neg"] = call => [-call[0]],
            ["Range"] = call => [tensor(Integers(call.Integers(0)[0], call.Integers(1)[0], call.Integers(2)[0]))],
            ["ReduceSum"] = call => [call[0].sum(call.Integers(1), call.Int("keepdims", 1) != 0)],
            ["Relu"] = call => [call[0].relu()],
            ["Reshape"] = call => [Reshape(call)],
            ["RotaryEmbedding"] = AttentionOperators.RotaryEmbedding,
            ["Shape"] = call => [tensor(call[0].shape)],
            ["Sigmoid"] = call => [call[0].sigmoid()],
            ["SimplifiedLayerNormalization"] = call => [RmsNorm(call[0], call[1], call)],
            ["SkipSimplifiedLayerNormalization"] = call => SkipRmsNorm(call),
            ["Slice"] = call => [Slice(call)],
            ["Softmax"] = call => [nn.functional.softmax(call[0], call.Int("axis", -1))],
            ["Split"] = call => call[0].split(call.Integers(1), call.Int("axis", 0)),
            ["Sqrt"] = call => [call[0].sqrt()],
            ["Sub"] = call => [call[0] - call[1]],
            ["Tanh"] = call => [call[0].tanh()],
            ["Transpose"] = call => [call[0].permute(call.Ints("perm", []))],
        };

    /// <summary>Refuses a graph with an operator that is not in the table.</summary>
    /// <exception cref="NotSupportedException">There is one.</exception>
    public static void RequireAll(Graph graph)
    {
        string[] unknown =
        [
            .. graph.Nodes.Select(node => node.OpType).Where(type => !All.ContainsKey(type)).Distinct().Order(),
        ];
        if (unknown.Length > 0)
        {
            throw new NotSupportedException(
                $"The graph '{graph.Name}' has the operators "
                + $"{string.Join(", ", unknown.Select(type => $"'{type}'"))}, through which no gradients are computed "
                + "here. Export it without tuning.");
        }
    }

    // Each result is a handle of its own, so that it can be let go.
    private static Tensor Cast(Tensor x, ScalarType type) => x.dtype == type ? x.alias() : x.to(type);

    private static Tensor Clip(GraphCall call)
    {
        var x = call[0].alias();
        x = call.Optional(1) is { } lower ? x.maximum(lower) : x;
        return call.Optional(2) is { } upper ? x.minimum(upper) : x;
    }

    private static Tensor FusedMatMul(GraphCall call)
    {
        call.Require(call.Int("transA", 0) == 0, "transposes its first input");
        var weight = call.Int("transB", 0) != 0 ? call[1].transpose(-1, -2) : call[1];
        var product = call[0].matmul(weight);
        return call.Float("alpha", 1) is var alpha && alpha != 1 ? product.Times(alpha) : product;
    }

    private static Tensor Gather(GraphCall call)
    {
        var (data, indices, axis) = (call[0], call[1].to(ScalarType.Int64), call.Int("axis", 0));
        axis = axis < 0 ? axis + data.dim() : axis;
        indices = where(indices.With(0, static (x, zero) => x.lt(zero)), indices.Plus(data.shape[axis]), indices);
        return data.index_select(axis, indices.reshape(-1))
            .reshape([.. data.shape.Take((int)axis), .. indices.shape, .. data.shape.Skip((int)axis + 1)]);
    }

    private static Tensor LayerNorm(GraphCall call)
    {
        call.Require(call.Int("axis", -1) == -1, "normalizes more than its last axis");
        return nn.functional.layer_norm(
            call[0], call[1].shape, call[1], call.Optional(2), call.Float("epsilon", 1e-5));
    }

    private static Tensor RmsNorm(Tensor x, Tensor weight, GraphCall call)
    {
        var (width, epsilon) = (x.shape[^1], call.Float("epsilon", 1e-5));
        return x.is_contiguous() && FusedRows.Applies(x, width)
            ? RmsNormFunction.Apply(x.view(-1, width), weight, epsilon, x.dtype).view(x.shape)
            : x * x.Squared().mean([-1], keepdim: true).Plus(epsilon).rsqrt() * weight;
    }

    // The sum itself is the fourth output.
    private static Tensor[] SkipRmsNorm(GraphCall call)
    {
        var sum = call[0].Plus(call[1]);
        return [RmsNorm(sum, call[2], call), null!, null!, sum];
    }

    // A size of 0 stands for the input's own at that place.
    private static Tensor Reshape(GraphCall call) =>
        call[0].reshape([.. call.Integers(1).Select((size, axis) => size == 0 ? call[0].shape[axis] : size)]);

    private static Tensor Slice(GraphCall call)
    {
        var x = call[0].alias();
        var (starts, ends) = (call.Integers(1), call.Integers(2));
        var axes = call.Optional(3) is null
            ? Integers(0, starts.Length, 1) : call.Integers(3);
        call.Require(call.Optional(4) is null || call.Integers(4).All(step => step == 1), "takes steps other than 1");
        for (var i = 0; i < axes.Length; i++)
        {
            var size = x.shape[(int)(axes[i] < 0 ? axes[i] + x.dim() : axes[i])];
            var (start, end) = (Within(starts[i], size), Within(ends[i], size));
            x = x.slice(axes[i], start, Math.Max(start, end), 1);
        }

        return x;
    }

    private static long[] Integers(long from, long to, long step) =>
        [.. Enumerable.Range(0, (int)Math.Max(0, (to - from + step - Math.Sign(step)) / step))
            .Select(index => from + (index * step))];

    private static long Within(long index, long size) => Math.Clamp(index < 0 ? index + size : index, 0, size);

    private static ScalarType TypeOf(ElementType type) => type switch
    {
        ElementType.Float32 => ScalarType.Float32,
        ElementType.Int32 => ScalarType.Int32,
        ElementType.Int64 => ScalarType.Int64,
        ElementType.Bool => ScalarType.Bool,
        _ => throw new NotSupportedException($"Values of the type '{type}' cannot be computed with here."),
    };
}
