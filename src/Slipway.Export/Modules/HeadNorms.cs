using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Norms queries or keys, [batch, sequence, heads·width].</summary>
/// <param name="scope">The norm.</param>
/// <param name="x">The queries or keys.</param>
/// <param name="heads">How many heads there are.</param>
/// <param name="layout">The places of a head's elements.</param>
internal delegate GraphValue HeadNorm(ModuleScope scope, GraphValue x, int heads, HeadLayout layout);

/// <summary>The kinds of norms over queries and keys.</summary>
/// <remarks>
/// A mean over a widened head counts its zeros. With m = size/width, x/√(Σx²/size + ε) is √m · x/√(Σx²/width + m·ε).
/// </remarks>
internal static class HeadNorms
{
    /// <summary>Over each head, all with the same weights, without a mean.</summary>
    public static HeadNorm Rms(float epsilon, float offset = 0) => (scope, x, heads, layout) =>
    {
        float[] weights = [.. scope.ReadVector("weight", layout.Size).Select(value => value + offset)];
        return Split(scope, x, heads, layout, split => Rms(scope, split, layout, epsilon, weights));
    };

    /// <summary>Over each head, without a mean and without weights.</summary>
    public static HeadNorm PlainRms(float epsilon) => (scope, x, heads, layout) =>
        Split(scope, x, heads, layout, split => Rms(scope, split, layout, epsilon, Ones(layout)));

    /// <summary>Over all heads together, without a mean.</summary>
    public static HeadNorm WholeRms(float epsilon) => (scope, x, heads, layout) =>
        Rms(scope, x, layout, epsilon, scope.ReadVector("weight", heads * layout.Size));

    /// <summary>Over each head, all with the same weights.</summary>
    public static HeadNorm Layer(float epsilon) => (scope, x, heads, layout) =>
        Split(scope, x, heads, layout, split => Centered(
            scope, split, layout, epsilon, scope.ReadVector("weight", layout.Size),
            scope.ReadVector("bias", layout.Size)));

    /// <summary>Over each head, with weights of its own in one tensor, [heads, head size].</summary>
    public static HeadNorm LayerTable(float epsilon) => (scope, x, heads, layout) =>
        OwnWeights(scope, x, heads, layout, epsilon, scope.ReadNumbers("weight", heads, layout.Size));

    /// <summary>Over each head, with weights of its own in a module for each.</summary>
    public static HeadNorm LayerModules(float epsilon) => (scope, x, heads, layout) =>
        OwnWeights(
            scope, x, heads, layout, epsilon,
            [.. Enumerable.Range(0, heads)
                .SelectMany(head => scope["norms"][head].ReadVector("weight", layout.Size))]);

    private static GraphValue OwnWeights(
        ModuleScope scope, GraphValue x, int heads, HeadLayout layout, float epsilon, float[] weights)
    {
        var normed = Split(
            scope, x, heads, layout, split => Centered(scope, split, layout, epsilon, Ones(layout), null, "ones"));
        return scope.Mul(normed, scope.StoreVector("weight", layout.Arrange(weights)));
    }

    private static GraphValue Rms(
        ModuleScope scope, GraphValue x, HeadLayout layout, float epsilon, float[] weights, string name = "weight")
    {
        float share = (float)layout.Size / layout.Width, scale = MathF.Sqrt(share);
        float[] placed = [.. layout.Arrange(weights).Select(value => value * scale)];
        return scope.SimplifiedLayerNormalization(x, scope.StoreVector(name, placed), epsilon * share);
    }

    private static GraphValue Centered(
        ModuleScope scope, GraphValue x, HeadLayout layout, float epsilon, float[] weights, float[]? bias,
        string name = "weight")
    {
        var added = bias is null ? default : scope.StoreVector("bias", layout.Arrange(bias));
        if (!layout.IsWidened)
        {
            return scope.LayerNormalization(x, scope.StoreVector(name, layout.Arrange(weights)), added, epsilon);
        }

        // Zeros stay zeros: the mean is taken from the elements only.
        var mean = scope.Mul(scope.ReduceSum(x, keep: true, -1), scope.StoreVector("mean", MeanOf(layout)));
        var normed = Rms(scope, scope.Sub(x, mean), layout, epsilon, weights, name);
        return bias is null ? normed : scope.Add(normed, added);
    }

    private static float[] MeanOf(HeadLayout layout) =>
        layout.Arrange([.. Enumerable.Repeat(1f / layout.Size, layout.Size)]);

    private static float[] Ones(HeadLayout layout) => [.. Enumerable.Repeat(1f, layout.Size)];

    private static GraphValue Split(
        ModuleScope scope, GraphValue x, int heads, HeadLayout layout, Func<GraphValue, GraphValue> norm)
    {
        var split = scope.Reshape(x, 0, 0, heads, layout.Width);
        return scope.Reshape(norm(split), 0, 0, heads * layout.Width);
    }
}
