using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Norms queries or keys, [batch, sequence, heads·head size].</summary>
/// <param name="scope">The norm.</param>
/// <param name="x">The queries or keys.</param>
/// <param name="heads">How many heads there are.</param>
/// <param name="headSize">The size of a head.</param>
/// <param name="order">For each element of a head, which one of the checkpoint's it is; null for the same.</param>
internal delegate GraphValue HeadNorm(
    ModuleScope scope, GraphValue x, int heads, int headSize, IReadOnlyList<int>? order);

/// <summary>The kinds of norms over queries and keys.</summary>
internal static class HeadNorms
{
    /// <summary>Over each head, all with the same weights, without a mean.</summary>
    public static HeadNorm Rms(float epsilon, float offset = 0) => (scope, x, heads, headSize, order) =>
        Split(scope, x, heads, headSize, split => scope.RmsNorm(split, headSize, epsilon, offset, order));

    /// <summary>Over all heads together, without a mean.</summary>
    public static HeadNorm WholeRms(float epsilon) => (scope, x, heads, headSize, order) =>
        scope.RmsNorm(x, heads * headSize, epsilon, 0, order is null ? null : [.. RotaryOrder.Repeat(order, heads)]);

    /// <summary>Over each head, all with the same weights.</summary>
    public static HeadNorm Layer(float epsilon) => (scope, x, heads, headSize, order) =>
        Split(scope, x, heads, headSize, split => scope.LayerNorm(split, headSize, epsilon, order: order));

    /// <summary>Over each head, with weights of its own in one tensor, [heads, head size].</summary>
    public static HeadNorm LayerTable(float epsilon) => (scope, x, heads, headSize, order) =>
        OwnWeights(
            scope, x, heads, headSize, epsilon, order, Read(scope.Read("weight", heads, headSize), heads * headSize));

    /// <summary>Over each head, with weights of its own in a module for each.</summary>
    public static HeadNorm LayerModules(float epsilon) => (scope, x, heads, headSize, order) =>
        OwnWeights(
            scope, x, heads, headSize, epsilon, order,
            [.. Enumerable.Range(0, heads).SelectMany(head => scope["norms"][head].ReadVector("weight", headSize))]);

    private static float[] Read(Weights.Weight weight, int count)
    {
        float[] values = new float[count];
        weight.ReadRows(0, weight.Rows, values);
        return values;
    }

    private static GraphValue OwnWeights(
        ModuleScope scope, GraphValue x, int heads, int headSize, float epsilon, IReadOnlyList<int>? order,
        float[] weights)
    {
        float[] ordered = order is null ? weights
            : [.. RotaryOrder.Repeat(order, heads).Select(index => weights[index])];
        GraphValue ones = scope.StoreVector("ones", [.. Enumerable.Repeat(1f, headSize)]);
        GraphValue normed = Split(
            scope, x, heads, headSize, split => scope.LayerNormalization(split, ones, default, epsilon));
        return scope.Mul(normed, scope.StoreVector("weight", ordered));
    }

    private static GraphValue Split(
        ModuleScope scope, GraphValue x, int heads, int headSize, Func<GraphValue, GraphValue> norm)
    {
        GraphValue split = scope.Reshape(x, 0, 0, heads, headSize);
        return scope.Reshape(norm(split), 0, 0, heads * headSize);
    }
}
