using System.Numerics.Tensors;

namespace Slipway.Export.Quantization;

/// <summary>
/// Rounds weights to the nearest of 16 values that are no grid, multiplied by a scale for each block; there are no zero
/// points.
/// </summary>
/// <remarks>
/// <c>nf4</c> has quantiles of the normal distribution, <c>fp4</c> floats of 3 bits and a sign, both from −1 to 1 as
/// bitsandbytes has them. There a block's scale is its largest weight; here scales a little smaller are tried too, and
/// what lies on such values already comes out as it was. ONNX Runtime multiplies by them with MatMulBnb4, which writes
/// all weights out as floats at each step. Experts, and rows that end within a block, have codes on a grid.
/// Source: Dettmers et al., QLoRA (arXiv 2305.14314).
/// </remarks>
public sealed class CodeTable : QuantizationMethod
{
    // Factors of the largest weight in fortieths, 0.8 to 1.
    private const int Narrowest = 32, Widest = 40;

    private readonly float[] _values;

    // The values in order, the limits between neighbours, and their codes.
    private readonly float[] _limits;
    private readonly byte[] _codes;

    private CodeTable(string name, string description, float[] values)
    {
        (Name, Description, _values) = (name, description, values);

        // FP4 has two zeros; the first one is taken.
        _codes = [.. Enumerable.Range(0, values.Length).DistinctBy(code => values[code] + 0f)
            .OrderBy(code => values[code]).Select(code => (byte)code)];
        _limits = [.. _codes.Zip(_codes.Skip(1), (low, high) => (values[low] + values[high]) / 2)];
    }

    /// <summary>NF4.</summary>
    public static CodeTable Nf4 { get; } = new(
        "nf4", "16 quantiles of the normal distribution, as bitsandbytes has them; ONNX Runtime is slow with them",
        [
            -1, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,
            -0.18477343022823334f, -0.09105003625154495f, 0, 0.07958029955625534f, 0.16093020141124725f,
            0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f,
            0.7229568362236023f, 1,
        ]);

    /// <summary>FP4.</summary>
    public static CodeTable Fp4 { get; } = new(
        "fp4", "4-bit floats, as bitsandbytes has them; ONNX Runtime is slow with them",
        [
            0, 0.0052083334885537624f, 0.6666666865348816f, 1, 0.3333333432674408f, 0.5f, 0.1666666716337204f, 0.25f,
            0, -0.0052083334885537624f, -0.6666666865348816f, -1, -0.3333333432674408f, -0.5f, -0.1666666716337204f,
            -0.25f,
        ]);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Description { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<float> Values => _values;

    /// <summary>Tells whether two tables are the same, or neither is one.</summary>
    internal static bool AreEqual(IReadOnlyList<float>? first, IReadOnlyList<float>? second) =>
        (first ?? []).SequenceEqual(second ?? []);

    /// <summary>Swaps the two codes of each byte: the operator has the first one in the higher bits.</summary>
    internal static void Swap(Span<byte> codes)
    {
        foreach (ref var pair in codes)
        {
            pair = (byte)((pair << 4) | (pair >> 4));
        }
    }

    /// <inheritdoc/>
    public override RowQuantizer Prepare(BlockLayout layout, InputStatistics? statistics)
    {
        var importance = BlockMethod.Importance(layout, statistics);
        return (row, codes, scales, offsets) =>
        {
            for (int block = 0, start = 0; block < layout.Blocks; block++, start += layout.BlockSize)
            {
                var length = Math.Min(layout.BlockSize, layout.Columns - start);
                codes.Slice(start, layout.BlockSize).Fill(_codes[Rank(0)]);
                scales[block] = Quantize(
                    row.Slice(start, length), importance.AsSpan(start, length), codes.Slice(start, length));
                offsets[block] = 0;
            }
        };
    }

    private float Quantize(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> codes)
    {
        var largest = Math.Abs(TensorPrimitives.MaxMagnitude(weights));
        if (!float.IsNormal(largest))
        {
            return 0;
        }

        var (best, least) = (largest, double.PositiveInfinity);
        for (var fortieths = Widest; fortieths >= Narrowest; fortieths--)
        {
            var scale = largest * (fortieths / 40f);
            var (inverse, error) = (1 / scale, 0.0);
            for (var index = 0; index < weights.Length; index++)
            {
                var rest = weights[index] - (_values[_codes[Rank(weights[index] * inverse)]] * scale);
                error += importance[index] * rest * rest;
            }

            if (error < least)
            {
                (best, least) = (scale, error);
            }
        }

        for (var index = 0; index < weights.Length; index++)
        {
            codes[index] = _codes[Rank(weights[index] / best)];
        }

        return best;
    }

    private int Rank(float value)
    {
        var rank = 0;
        foreach (var limit in _limits)
        {
            rank += value > limit ? 1 : 0;
        }

        return rank;
    }
}
