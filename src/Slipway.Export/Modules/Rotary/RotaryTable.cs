using Slipway.Onnx;

namespace Slipway.Export.Modules.Rotary;

/// <summary>The cosines and sines of rotary positions, [positions, rotary size / 2] each.</summary>
/// <remarks>
/// Angles are computed in double precision and rounded once, to float32: through a narrower type they would be off by
/// 1e-3 and more at later positions.
/// </remarks>
internal sealed record RotaryTable(GraphValue Cosines, GraphValue Sines)
{
    private const int ChunkValues = 1 << 18;

    /// <summary>Writes the tables.</summary>
    /// <param name="scope">Where they belong.</param>
    /// <param name="frequencies">Radians a position, one for each pair.</param>
    /// <param name="factor">What cosines and sines are multiplied by.</param>
    public static RotaryTable Write(ModuleScope scope, double[] frequencies, double factor = 1)
    {
        int positions = scope.Build.ContextLength;
        return new RotaryTable(
            Write(scope, "cos_cache", positions, frequencies, angle => (float)(Math.Cos(angle) * factor)),
            Write(scope, "sin_cache", positions, frequencies, angle => (float)(Math.Sin(angle) * factor)));
    }

    private static GraphValue Write(
        ModuleScope scope, string name, int positions, double[] frequencies, Func<double, float> value)
    {
        ExternalDataWriter data = scope.Build.Writer.Data;
        data.Begin((long)positions * frequencies.Length * sizeof(float));
        int rows = Math.Clamp(ChunkValues / frequencies.Length, 1, positions);
        float[] chunk = new float[rows * frequencies.Length];
        for (int first = 0; first < positions; first += rows)
        {
            int count = Math.Min(rows, positions - first);
            for (int row = 0; row < count; row++)
            {
                for (int pair = 0; pair < frequencies.Length; pair++)
                {
                    chunk[(row * frequencies.Length) + pair] = value((first + row) * frequencies[pair]);
                }
            }

            data.Write<float>(chunk.AsSpan(0, count * frequencies.Length));
        }

        return scope.Build.Writer.Add(scope.NameOf(name), ElementType.Float32, [positions, frequencies.Length]);
    }
}
