using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Attention with linear biases: a key's score grows with its position, by a slope of each head.</summary>
/// <remarks>
/// What distance to the query takes off differs from that by a number that a softmax does not see.
/// Source: ALiBi (arXiv 2108.12409).
/// </remarks>
internal static class Alibi
{
    /// <summary>Bias of scores, [1, heads, sequence, total]; layers share it.</summary>
    /// <param name="scope">The model.</param>
    /// <param name="inputs">The graph's inputs.</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="bias">A key's bias by slope and position.</param>
    public static GraphValue Bias(
        ModuleScope scope, DecoderInputs inputs, int heads, Func<double, int, float> bias) =>
        inputs.Once("alibi", () =>
        {
            var positions = scope.Build.ContextLength;
            float[] table =
            [
                .. Slopes(heads).SelectMany(
                    slope => Enumerable.Range(0, positions).Select(position => bias(slope, position))),
            ];
            var total = scope.Reshape(scope.Cast(inputs.TotalLength, ElementType.Int64), 1);
            var seen = scope.Slice(
                scope.StoreVector("alibi", table, 1, heads, 1, positions), scope.Ints(0), total, scope.Ints(3));
            var count = scope.Reshape(scope.Gather(scope.Shape(inputs.Ids), scope.Int(1)), 1);
            return scope.Expand(seen, scope.Concat(0, scope.Ints(1, heads), count, total));
        });

    // Powers of two between 1/2 and 1/256 where there are 8 heads; others stand between and beyond those.
    private static IEnumerable<double> Slopes(int heads)
    {
        var whole = (int)Math.Pow(2, Math.Floor(Math.Log2(heads)));
        return
        [
            .. Enumerable.Range(1, whole).Select(index => Math.Pow(2, -8.0 * index / whole)),
            .. Enumerable.Range(0, heads - whole).Select(index => Math.Pow(2, -4.0 * ((2 * index) + 1) / whole)),
        ];
    }
}
