using System.Numerics.Tensors;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>Stores the scales of blocks in 16 bits where half precision holds them.</summary>
/// <remarks>
/// <code>
/// name.scales (float16) ── Cast ── float32, which the operators ask for
/// </code>
/// ONNX Runtime computes the cast of a constant once, when a session opens; the kernels of this library read the
/// constant itself. A matrix stays in float32 where a scale overflows, or where the largest scale of a row is too small
/// to keep all 11 bits: then codes of that row would stand for noticeably other weights.
/// </remarks>
internal static class BlockScales
{
    // The smallest number that half precision holds with all its bits, 2^-14.
    private const float MinNormal = 6.103515625e-5f;
    private const float MaxHalf = 65504;

    /// <summary>Writes scales [.., blocks] and returns them as float32.</summary>
    /// <param name="writer">Where they go.</param>
    /// <param name="name">The matrix's name.</param>
    /// <param name="shape">The last dimension is the number of a row's blocks.</param>
    /// <param name="parts">Whole rows, in order.</param>
    /// <param name="exactly">Tells whether scales must stay what they are, not only near.</param>
    public static GraphValue Write(
        WeightWriter writer, string name, IReadOnlyList<long> shape, IReadOnlyList<float[]> parts,
        bool exactly = false)
        => Add(writer, $"{name}.scales", shape, parts, FitHalf(parts, (int)shape[^1], exactly));

    /// <summary>Writes scales and minima, both [.., blocks] and of one type, and returns them as float32.</summary>
    /// <param name="writer">Where they go.</param>
    /// <param name="name">The matrix's name.</param>
    /// <param name="shape">The last dimension is the number of a row's blocks.</param>
    /// <param name="scales">Whole rows, in order.</param>
    /// <param name="minima">As many.</param>
    public static (GraphValue Scales, GraphValue Minima) Write(
        WeightWriter writer, string name, IReadOnlyList<long> shape, IReadOnlyList<float[]> scales,
        IReadOnlyList<float[]> minima)
    {
        var areHalves = FitHalf(scales, (int)shape[^1], exactly: false)
            && FitHalf(minima, (int)shape[^1], exactly: false);
        return (
            Add(writer, $"{name}.scales", shape, scales, areHalves),
            Add(writer, $"{name}.minima", shape, minima, areHalves));
    }

    private static GraphValue Add(
        WeightWriter writer, string name, IReadOnlyList<long> shape, IReadOnlyList<float[]> parts, bool areHalves)
    {
        if (!areHalves)
        {
            return writer.AddParts(name, ElementType.Float32, shape, parts);
        }

        var halves = writer.AddParts(name, ElementType.Float16, shape, [.. parts.Select(Narrow)]);
        return new NodeScope(writer.Graph, $"/{name}").Cast(halves, ElementType.Float32);
    }

    // Numbers that half precision holds exactly fit it, whatever their size.
    private static bool FitHalf(IReadOnlyList<float[]> parts, int blocks, bool exactly)
        => parts.All(part => AreHalves(part) || (!exactly && HaveLargeRows(part, blocks)));

    private static bool AreHalves(float[] scales) => Array.TrueForAll(scales, scale => (float)(Half)scale == scale);

    private static bool HaveLargeRows(float[] scales, int blocks)
    {
        for (var start = 0; start < scales.Length; start += blocks)
        {
            var row = scales.AsSpan(start, blocks);
            var largest = Math.Abs(TensorPrimitives.MaxMagnitude<float>(row));
            if (!(largest == 0 || largest is >= MinNormal and <= MaxHalf))
            {
                return false;
            }
        }

        return true;
    }

    private static Half[] Narrow(float[] scales)
    {
        var halves = new Half[scales.Length];
        TensorPrimitives.ConvertToHalf(scales, halves);
        return halves;
    }
}
