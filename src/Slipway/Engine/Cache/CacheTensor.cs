using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine.Cache;

/// <summary>
/// Names one past tensor and its present, [batch, <paramref name="Heads"/>, length, <paramref name="Size"/>].
/// </summary>
/// <remarks>Of 4-bit codes, two of which are a byte, <paramref name="Size"/> is the bytes of a head.</remarks>
internal sealed record CacheTensor(string Past, string Present, int Heads, int Size, TensorElementType Type)
{
    /// <summary>Which tokens it keeps; null for all.</summary>
    public CacheWindow? Window { get; init; }

    public int ElementBytes => Type switch
    {
        TensorElementType.Int8 or TensorElementType.UInt8 => 1,
        TensorElementType.Float16 => 2,
        _ => 4,
    };

    /// <summary>The third dimension of buffers that hold slots of a capacity.</summary>
    public int LengthFor(int capacity) => Window?.Capacity ?? capacity;

    /// <summary>The first position that a slot of a length keeps.</summary>
    public int FirstOf(int length) => Window?.EvictedTokens(length) ?? 0;

    /// <summary>Bytes of one token of one sequence.</summary>
    public long TokenBytes => (long)Heads * Size * ElementBytes;
}
