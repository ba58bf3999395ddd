using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Slipway.Kernels.Memory;

namespace Slipway.Kernels.Attention;

/// <summary>
/// Brings 64 keys into the order [head size, 64], in which a vector holds one channel of several of them.
/// </summary>
/// <remarks>
/// <code>
/// key 0:  │ c0 │ c1 │ c2 │ …          c0: │ key 0 │ key 1 │ … │ key 63 │
/// key 1:  │ c0 │ c1 │ c2 │ …    →     c1: │ key 0 │ key 1 │ … │ key 63 │
/// </code>
/// Sixteen bytes of 16, 8 or 4 keys are read at once, and their words of 32 bits transposed: a float, two halves or
/// four codes each.
/// </remarks>
internal static unsafe class KeyTile
{
    private const int Bytes = 16;
    private const int Next = AttentionSegment.Tile;

    /// <summary>Transposes keys [64, size], and makes single precision of them.</summary>
    /// <typeparam name="TNumbers">The way in which the cache holds them.</typeparam>
    /// <param name="keys">The keys.</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    /// <param name="tile">Takes [size, 64].</param>
    /// <param name="next">As many bytes as the keys have, which are asked for meanwhile.</param>
    public static void Transpose<TNumbers>(byte* keys, int size, float* tile, byte* next)
        where TNumbers : struct, ICacheNumbers
    {
        var row = size * sizeof(float) / TNumbers.Channels;
        for (var key = 0; key < AttentionSegment.Tile; key += 16)
        {
            TransposeSixteen<TNumbers>(keys + ((long)key * row), row, tile + key, next + ((long)key * row));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransposeSixteen<TNumbers>(byte* keys, int row, float* tile, byte* next)
        where TNumbers : struct, ICacheNumbers
    {
        var step = TNumbers.Channels * Next;
        for (var end = keys + row; keys < end; keys += Bytes, tile += 4 * step, next += 16 * Bytes)
        {
            Lines.Ask(next, 16 * Bytes);
            if (Avx512F.IsSupported)
            {
                var (a, b) = (Quarters(keys, row), Quarters(keys + row, row));
                var (c, d) = (Quarters(keys + (2L * row), row), Quarters(keys + (3L * row), row));
                var (ab, cd) = (Avx512F.UnpackLow(a, b).AsInt64(), Avx512F.UnpackLow(c, d).AsInt64());
                TNumbers.Store(Avx512F.UnpackLow(ab, cd).AsInt32(), tile);
                TNumbers.Store(Avx512F.UnpackHigh(ab, cd).AsInt32(), tile + step);
                (ab, cd) = (Avx512F.UnpackHigh(a, b).AsInt64(), Avx512F.UnpackHigh(c, d).AsInt64());
                TNumbers.Store(Avx512F.UnpackLow(ab, cd).AsInt32(), tile + (2 * step));
                TNumbers.Store(Avx512F.UnpackHigh(ab, cd).AsInt32(), tile + (3 * step));
                continue;
            }

            for (var key = 0; Avx2.IsSupported && key < 16; key += 8)
            {
                var own = keys + ((long)key * row);
                var (a, b) = (Halves(own, row), Halves(own + row, row));
                var (c, d) = (Halves(own + (2L * row), row), Halves(own + (3L * row), row));
                var (ab, cd) = (Avx2.UnpackLow(a, b).AsInt64(), Avx2.UnpackLow(c, d).AsInt64());
                TNumbers.Store(Avx2.UnpackLow(ab, cd).AsInt32(), tile + key);
                TNumbers.Store(Avx2.UnpackHigh(ab, cd).AsInt32(), tile + step + key);
                (ab, cd) = (Avx2.UnpackHigh(a, b).AsInt64(), Avx2.UnpackHigh(c, d).AsInt64());
                TNumbers.Store(Avx2.UnpackLow(ab, cd).AsInt32(), tile + (2 * step) + key);
                TNumbers.Store(Avx2.UnpackHigh(ab, cd).AsInt32(), tile + (3 * step) + key);
            }

            for (var key = 0; !Avx2.IsSupported && key < 16; key += 4)
            {
                var own = keys + ((long)key * row);
                var (a, b) = (Word(own), Word(own + row));
                var (c, d) = (Word(own + (2L * row)), Word(own + (3L * row)));
                var (ab, cd) = (Lanes.ZipLower(a, b), Lanes.ZipLower(c, d));
                TNumbers.Store(Lanes.LowerHalves(ab, cd).AsInt32(), tile + key);
                TNumbers.Store(Lanes.UpperHalves(ab, cd).AsInt32(), tile + step + key);
                (ab, cd) = (Lanes.ZipUpper(a, b), Lanes.ZipUpper(c, d));
                TNumbers.Store(Lanes.LowerHalves(ab, cd).AsInt32(), tile + (2 * step) + key);
                TNumbers.Store(Lanes.UpperHalves(ab, cd).AsInt32(), tile + (3 * step) + key);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Word(byte* key) => Vector128.Load(key).AsSingle();

    // The key, and the fourth, eighth and twelfth after it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Quarters(byte* key, int row)
    {
        var first = Vector128.Load(key).ToVector256Unsafe().ToVector512Unsafe().AsInt32();
        first = Avx512F.InsertVector128(first, Vector128.Load(key + (4L * row)).AsInt32(), 1);
        first = Avx512F.InsertVector128(first, Vector128.Load(key + (8L * row)).AsInt32(), 2);
        return Avx512F.InsertVector128(first, Vector128.Load(key + (12L * row)).AsInt32(), 3);
    }

    // The key, and the fourth after it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Halves(byte* key, int row)
        => Vector256.Create(Vector128.Load(key), Vector128.Load(key + (4L * row))).AsInt32();
}
