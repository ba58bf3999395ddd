using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slipway.Kernels.Attention;

/// <summary>Tells how a cache holds channels: a word of 32 bits has several, the first in its lowest bits.</summary>
internal unsafe interface ICacheNumbers
{
    /// <summary>Channels of a word.</summary>
    static abstract int Channels { get; }

    /// <summary>Reads 16 channels, from one on.</summary>
    static abstract Vector512<float> Load(byte* numbers, int first);

    /// <summary>Stores the first channel of several keys, and the next ones each a row of a tile further.</summary>
    static abstract void Store(Vector512<int> words, float* tile);

    /// <summary>Does so for half as many keys.</summary>
    static abstract void Store(Vector256<int> words, float* tile);

    /// <summary>Does so for a quarter of them.</summary>
    static abstract void Store(Vector128<int> words, float* tile);
}

/// <summary>Holds a channel in single precision.</summary>
internal readonly unsafe struct Floats : ICacheNumbers
{
    public static int Channels => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* numbers, int first) => Vector512.Load((float*)numbers + first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<int> words, float* tile) => words.AsSingle().Store(tile);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> words, float* tile) => words.AsSingle().Store(tile);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<int> words, float* tile) => words.AsSingle().Store(tile);
}

/// <summary>Holds two channels in half precision.</summary>
internal readonly unsafe struct Halves : ICacheNumbers
{
    private const int Next = AttentionSegment.Tile;

    public static int Channels => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* numbers, int first)
        => HalfPrecision.Scaled(Lanes.WidenSixteen((short*)numbers + first) << 13);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<int> words, float* tile)
    {
        HalfPrecision.Scaled((words << 16) >> 3).Store(tile);
        HalfPrecision.Scaled(words >> 3).Store(tile + Next);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> words, float* tile)
    {
        HalfPrecision.Scaled((words << 16) >> 3).Store(tile);
        HalfPrecision.Scaled(words >> 3).Store(tile + Next);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<int> words, float* tile)
    {
        HalfPrecision.Scaled((words << 16) >> 3).Store(tile);
        HalfPrecision.Scaled(words >> 3).Store(tile + Next);
    }
}

/// <summary>Holds four channels in codes of 8 bits.</summary>
internal readonly unsafe struct Codes : ICacheNumbers
{
    private const int Next = AttentionSegment.Tile;

    public static int Channels => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* numbers, int first)
        => Vector512.ConvertToSingle(Lanes.WidenSixteen((sbyte*)numbers + first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<int> words, float* tile)
    {
        Vector512.ConvertToSingle((words << 24) >> 24).Store(tile);
        Vector512.ConvertToSingle((words << 16) >> 24).Store(tile + Next);
        Vector512.ConvertToSingle((words << 8) >> 24).Store(tile + (2 * Next));
        Vector512.ConvertToSingle(words >> 24).Store(tile + (3 * Next));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> words, float* tile)
    {
        Vector256.ConvertToSingle((words << 24) >> 24).Store(tile);
        Vector256.ConvertToSingle((words << 16) >> 24).Store(tile + Next);
        Vector256.ConvertToSingle((words << 8) >> 24).Store(tile + (2 * Next));
        Vector256.ConvertToSingle(words >> 24).Store(tile + (3 * Next));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<int> words, float* tile)
    {
        Vector128.ConvertToSingle((words << 24) >> 24).Store(tile);
        Vector128.ConvertToSingle((words << 16) >> 24).Store(tile + Next);
        Vector128.ConvertToSingle((words << 8) >> 24).Store(tile + (2 * Next));
        Vector128.ConvertToSingle(words >> 24).Store(tile + (3 * Next));
    }
}
