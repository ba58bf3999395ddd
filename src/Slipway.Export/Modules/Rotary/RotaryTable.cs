using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules.Rotary;

/// <summary>The cosines and sines of rotary positions, [positions, rotary size / 2] each.</summary>
/// <remarks>
/// Angles are computed in double precision and rounded once, to float32: through a narrower type they would be off by
/// 1e-3 and more at later positions. A package holds the angles of every 64th position and of the first 64; the sum
/// formulas make the tables of these when a session is created, where constants are folded. For 131,072 positions that
/// is 1 MB instead of 67.
/// </remarks>
internal sealed record RotaryTable(GraphValue Cosines, GraphValue Sines)
{
    private const int Stride = 64;

    /// <summary>
    /// int64 [batch, sequence]: the rows of new tokens, where those are not their positions; null otherwise.
    /// </summary>
    public GraphValue? Positions { get; init; }

    /// <summary>Adds tables of which a sequence has the first up to a length and the second beyond.</summary>
    /// <param name="scope">Where they belong.</param>
    /// <param name="scaling">The first set of frequencies.</param>
    /// <param name="length">The longest sequence that has the first.</param>
    /// <param name="beyond">The set of longer ones.</param>
    /// <param name="inputs">The graph's inputs.</param>
    public static RotaryTable WriteBoth(
        ModuleScope scope, RotaryScaling scaling, int length, RotaryScaling beyond, DecoderInputs inputs)
    {
        if (length >= scope.Build.ContextLength)
        {
            return Write(scope, scaling.Frequencies, scaling.Factor);
        }

        scope.Build.LongRopeThreshold = length;
        var first = Write(scope["short"], scaling.Frequencies, scaling.Factor, length);
        var second = Write(scope["long"], beyond.Frequencies, beyond.Factor);

        // Rows of the second table follow on those of the first.
        var rows = (length + Stride - 1) / Stride * Stride;
        var longer = scope.Greater(scope.Max(inputs.Lengths(scope), inputs.PlannedLength), scope.Int(length));
        var start = scope.Where(longer, scope.Int(rows), scope.Int(0));
        var cosines = scope.Concat(0, first.Cosines, second.Cosines);
        double[] fast = scope.Build.Frequencies[first.Cosines.Name],
            slow = scope.Build.Frequencies[second.Cosines.Name];
        scope.Build.Frequencies.Add(cosines.Name, [.. fast.Zip(slow, Math.Max)]);
        return new RotaryTable(cosines, scope.Concat(0, first.Sines, second.Sines))
        {
            Positions = scope.Add(inputs.Positions, scope.Reshape(start, -1, 1)),
        };
    }

    /// <summary>Adds the tables.</summary>
    /// <param name="scope">Where they belong.</param>
    /// <param name="frequencies">Radians a position, one for each pair.</param>
    /// <param name="factor">What cosines and sines are multiplied by.</param>
    /// <param name="length">How many positions; null for all.</param>
    /// <remarks>Pairs that do not turn follow, up to a number that the attention operator takes.</remarks>
    public static RotaryTable Write(ModuleScope scope, double[] frequencies, double factor = 1, int? length = null)
    {
        double[] factors = [.. frequencies.Select(_ => factor)];
        var padded = RotaryOrder.Padded(2 * frequencies.Length) / 2;
        factors = [.. factors, .. Enumerable.Repeat(1.0, padded - factors.Length)];
        frequencies = [.. frequencies, .. new double[padded - frequencies.Length]];
        var strides = ((length ?? scope.Build.ContextLength) + Stride - 1) / Stride;
        long[] shape = [(long)strides * Stride, frequencies.Length];
        var farCosines = Write(
            scope, "far_cos", [strides, 1], frequencies, Stride, (angle, pair) => Math.Cos(angle) * factors[pair]);
        var farSines = Write(
            scope, "far_sin", [strides, 1], frequencies, Stride, (angle, pair) => Math.Sin(angle) * factors[pair]);
        var nearCosines = Write(scope, "near_cos", [1, Stride], frequencies, 1, (angle, _) => Math.Cos(angle));
        var nearSines = Write(scope, "near_sin", [1, Stride], frequencies, 1, (angle, _) => Math.Sin(angle));
        var cosines = scope.Sub(scope.Mul(farCosines, nearCosines), scope.Mul(farSines, nearSines));
        var sines = scope.Add(scope.Mul(farSines, nearCosines), scope.Mul(farCosines, nearSines));
        RotaryTable table = new(scope.Reshape(cosines, shape), scope.Reshape(sines, shape));
        scope.Build.Frequencies.Add(table.Cosines.Name, frequencies);
        return table;
    }

    private static GraphValue Write(
        ModuleScope scope, string name, int[] positions, double[] frequencies, int stride,
        Func<double, int, double> value)
    {
        var rows = positions[0] * positions[1];
        var table = new float[rows * frequencies.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var pair = 0; pair < frequencies.Length; pair++)
            {
                table[(row * frequencies.Length) + pair] = (float)value((double)row * stride * frequencies[pair], pair);
            }
        }

        return scope.Build.Writer.AddParts(
            scope.NameOf(name), ElementType.Float32, [positions[0], positions[1], frequencies.Length], [table]);
    }
}
