using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Slipway.Kernels.Memory;
using static Slipway.Packaging.Kernels.AttentionContract;

namespace Slipway.Kernels.Attention;

/// <summary>Stores the key or value of one token and head in 4 bits a channel, with scales of its own.</summary>
/// <remarks>
/// <code>
/// value = code * scale + min                  of a group of channels, both in half precision, by least squares
/// row: │ codes, size / 2 bytes │ scale of group 0 │ min of group 0 │ scale of group 1 │ …
///      a byte's low half is channel i of a group, its high half channel i + group / 2
/// </code>
/// </remarks>
internal static unsafe class QuantizedRow
{
    private const int MaxCode = 15;
    private const int Width = 8;

    /// <summary>Writes a row.</summary>
    /// <param name="head">[size].</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    /// <param name="row">Takes <see cref="Int4Bytes"/> bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Store(float* head, int size, byte* row)
    {
        var group = Int4Group(size);
        var scales = (Half*)(row + (size / 2));
        for (var first = 0; first < size; first += group, head += group, row += group / 2, scales += 2)
        {
            var (low, high) = Range(head, group);
            var best = float.PositiveInfinity;
            foreach (var part in Parts)
            {
                // The codes of a range somewhat narrower, then the scale and minimum that fit them best.
                var cut = (high - low) * (1 - part) / 2;
                var (scale, min) = Fit(head, group, (high - low) * part / MaxCode, low + cut);
                var error = Error(head, group, scale, min);
                if (error < best || float.IsPositiveInfinity(best))
                {
                    (best, scales[0], scales[1]) = (error, (Half)scale, (Half)min);
                }
            }

            Encode(head, group / 2, (float)scales[0], (float)scales[1], row);
        }
    }

    /// <summary>Reads consecutive rows.</summary>
    /// <param name="rows">[count] rows of <see cref="Int4Bytes"/> bytes.</param>
    /// <param name="count">The number of rows.</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    /// <param name="heads">Takes [count, size].</param>
    /// <param name="next">As many rows, which are asked for meanwhile.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Load(byte* rows, int count, int size, float* heads, byte* next)
    {
        var (group, bytes) = (Int4Group(size), (int)Int4Bytes(size));
        for (; count > 0; count--, rows += bytes, next += bytes)
        {
            Lines.Ask(next, bytes);
            var scales = (Half*)(rows + (size / 2));
            for (var codes = rows; codes < rows + (size / 2); codes += group / 2, heads += group, scales += 2)
            {
                Decode(codes, group / 2, (float)scales[0], (float)scales[1], heads);
            }
        }
    }

    private static ReadOnlySpan<float> Parts => [1, 0.9f, 0.8f];

    // Least squares of value = code · scale + min over the codes that a scale and minimum give.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (float Scale, float Min) Fit(float* values, int count, float scale, float min)
    {
        var (offset, inverse) = (Vector256.Create(min), Vector256.Create(scale > 0 ? 1 / scale : 0));
        Vector256<float> codes = default, squares = default, sums = default, products = default;
        for (var i = 0; i < count; i += Width)
        {
            var (value, code) = (Vector256.Load(values + i), Rounded(values + i, offset, inverse));
            codes += code;
            squares += code * code;
            sums += value;
            products += code * value;
        }

        var (codeSum, sum) = (Vector256.Sum(codes), Vector256.Sum(sums));
        var spread = Vector256.Sum(squares) - (codeSum * codeSum / count);
        if (!(spread > 0))
        {
            return (scale, min);
        }

        var fitted = (Vector256.Sum(products) - (codeSum * sum / count)) / spread;
        return (fitted, (sum - (fitted * codeSum)) / count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Error(float* values, int count, float scale, float min)
    {
        var (offset, inverse) = (Vector256.Create(min), Vector256.Create(scale > 0 ? 1 / scale : 0));
        Vector256<float> factor = Vector256.Create(scale), error = default;
        for (var i = 0; i < count; i += Width)
        {
            var rest = Vector256.Load(values + i) - (Rounded(values + i, offset, inverse) * factor) - offset;
            error += rest * rest;
        }

        return Vector256.Sum(error);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (float Low, float High) Range(float* values, int count)
    {
        Vector256<float> low = Vector256.Load(values), high = low;
        for (var i = Width; i < count; i += Width)
        {
            var part = Vector256.Load(values + i);
            (low, high) = (Vector256.MinNative(low, part), Vector256.MaxNative(high, part));
        }

        var (least, greatest) = (low[0], high[0]);
        for (var i = 1; i < Width; i++)
        {
            (least, greatest) = (MathF.Min(least, low[i]), MathF.Max(greatest, high[i]));
        }

        return (least, greatest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Encode(float* values, int half, float scale, float min, byte* row)
    {
        var (offset, inverse) = (Vector256.Create(min), Vector256.Create(scale > 0 ? 1 / scale : 0));
        for (var i = 0; i < half; i += Width)
        {
            var codes = Codes(values + i, offset, inverse) | (Codes(values + half + i, offset, inverse) << 4);
            var words = Vector128.Narrow(codes.GetLower(), codes.GetUpper());
            Vector128.Narrow(words, words).GetLower().Store(row + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Codes(float* values, Vector256<float> offset, Vector256<float> inverse)
        => Vector256.ConvertToInt32Native(Rounded(values, offset, inverse)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Rounded(float* values, Vector256<float> offset, Vector256<float> inverse)
        => Vector256.MinNative(
            Vector256.MaxNative(
                Vector256.Round((Vector256.Load(values) - offset) * inverse), Vector256<float>.Zero),
            Vector256.Create((float)MaxCode));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Decode(byte* codes, int half, float scale, float min, float* values)
    {
        var (factor, offset) = (Vector256.Create(scale), Vector256.Create(min));
        for (var i = 0; i < half; i += Width)
        {
            var both = Lanes.WidenEight(codes + i);
            ((Vector256.ConvertToSingle(both & Vector256.Create(MaxCode)) * factor) + offset).Store(values + i);
            ((Vector256.ConvertToSingle(both >>> 4) * factor) + offset).Store(values + half + i);
        }
    }
}
