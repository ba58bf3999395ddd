using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Slipway.Kernels.Attention;

/// <summary>
/// Brings 32 keys into the order [head size, 32], in which a vector holds one channel of half of them.
/// </summary>
/// <remarks>
/// <code>
/// key 0:  │ c0 │ c1 │ c2 │ …          c0: │ key 0 │ key 1 │ … │ key 31 │
/// key 1:  │ c0 │ c1 │ c2 │ …    →     c1: │ key 0 │ key 1 │ … │ key 31 │
/// </code>
/// Sixteen neighbouring channels are read at once; of each quarter of a vector one key's four channels are transposed.
/// </remarks>
internal static unsafe class KeyTile
{
    private const int Half = AttentionSegment.Tile / 2;
    private const int Next = AttentionSegment.Tile;

    /// <summary>Transposes keys [32, size].</summary>
    public static void Transpose(float* keys, int size, float* tile)
    {
        TransposeHalf(keys, size, tile);
        TransposeHalf(keys + ((long)Half * size), size, tile + Half);
    }

    /// <summary>Transposes keys [32, size] of codes, and makes numbers of them.</summary>
    public static void Transpose(sbyte* keys, int size, float* tile)
    {
        TransposeHalf(keys, size, tile);
        TransposeHalf(keys + ((long)Half * size), size, tile + Half);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransposeHalf(float* keys, int size, float* tile)
    {
        for (var i = 0; i < size; i += 4, keys += 4, tile += 4 * Next)
        {
            if (Avx512F.IsSupported)
            {
                Transpose(
                    Quarters(keys, size, 0), Quarters(keys, size, 1), Quarters(keys, size, 2), Quarters(keys, size, 3),
                    out var c0, out var c1, out var c2, out var c3);
                c0.Store(tile);
                c1.Store(tile + Next);
                c2.Store(tile + (2 * Next));
                c3.Store(tile + (3 * Next));
                continue;
            }

            for (var key = 0; key < Half; key += 4)
            {
                var own = keys + ((long)key * size);
                Transpose(Vector128.Load(own), Vector128.Load(own + size), Vector128.Load(own + (2L * size)),
                    Vector128.Load(own + (3L * size)), tile + key);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransposeHalf(sbyte* keys, int size, float* tile)
    {
        for (var i = 0; i < size; i += 16, keys += 16, tile += 16 * Next)
        {
            if (Avx512F.IsSupported)
            {
                // Four channels of a key are one number here.
                Transpose(
                    Quarters(keys, size, 0), Quarters(keys, size, 1), Quarters(keys, size, 2), Quarters(keys, size, 3),
                    out var c0, out var c1, out var c2, out var c3);
                Store(c0.AsInt32(), tile);
                Store(c1.AsInt32(), tile + (4 * Next));
                Store(c2.AsInt32(), tile + (8 * Next));
                Store(c3.AsInt32(), tile + (12 * Next));
                continue;
            }

            for (var key = 0; key < Half; key += 4)
            {
                var own = keys + ((long)key * size);
                for (var channel = 0; channel < 16; channel += 4)
                {
                    Transpose(Widen(own + channel), Widen(own + size + channel), Widen(own + (2L * size) + channel),
                        Widen(own + (3L * size) + channel), tile + (channel * Next) + key);
                }
            }
        }
    }

    // Keys m, 4 + m, 8 + m and 12 + m side by side.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Quarters(float* keys, int size, int m)
    {
        var key = keys + ((long)m * size);
        return Join(Vector128.Load(key), Vector128.Load(key + (4L * size)), Vector128.Load(key + (8L * size)),
            Vector128.Load(key + (12L * size)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Quarters(sbyte* keys, int size, int m)
    {
        var key = keys + ((long)m * size);
        return Join(
            Vector128.Load(key).AsSingle(), Vector128.Load(key + (4L * size)).AsSingle(),
            Vector128.Load(key + (8L * size)).AsSingle(), Vector128.Load(key + (12L * size)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Join(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d)
    {
        var first = a.ToVector256Unsafe().ToVector512Unsafe();
        return Avx512F.InsertVector128(
            Avx512F.InsertVector128(Avx512F.InsertVector128(first, b, 1), c, 2), d, 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d,
        out Vector512<float> c0, out Vector512<float> c1, out Vector512<float> c2, out Vector512<float> c3)
    {
        var (ab, cd) = (Avx512F.UnpackLow(a, b).AsDouble(), Avx512F.UnpackLow(c, d).AsDouble());
        c0 = Avx512F.UnpackLow(ab, cd).AsSingle();
        c1 = Avx512F.UnpackHigh(ab, cd).AsSingle();
        (ab, cd) = (Avx512F.UnpackHigh(a, b).AsDouble(), Avx512F.UnpackHigh(c, d).AsDouble());
        c2 = Avx512F.UnpackLow(ab, cd).AsSingle();
        c3 = Avx512F.UnpackHigh(ab, cd).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d, float* tile)
    {
        var (ab, cd) = (Lanes.ZipLower(a, b), Lanes.ZipLower(c, d));
        Lanes.LowerHalves(ab, cd).Store(tile);
        Lanes.UpperHalves(ab, cd).Store(tile + Next);
        (ab, cd) = (Lanes.ZipUpper(a, b), Lanes.ZipUpper(c, d));
        Lanes.LowerHalves(ab, cd).Store(tile + (2 * Next));
        Lanes.UpperHalves(ab, cd).Store(tile + (3 * Next));
    }

    // The four bytes of each number, the lowest first.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<int> channels, float* tile)
    {
        Vector512.ConvertToSingle((channels << 24) >> 24).Store(tile);
        Vector512.ConvertToSingle((channels << 16) >> 24).Store(tile + Next);
        Vector512.ConvertToSingle((channels << 8) >> 24).Store(tile + (2 * Next));
        Vector512.ConvertToSingle(channels >> 24).Store(tile + (3 * Next));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Widen(sbyte* codes)
        => Vector128.ConvertToSingle(Lanes.Widen(codes));
}
