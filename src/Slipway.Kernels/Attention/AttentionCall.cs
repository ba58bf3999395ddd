using Slipway.Packaging.Kernels;

namespace Slipway.Kernels.Attention;

/// <summary>One run of a layer's attention: where everything is. Owns nothing.</summary>
/// <remarks>
/// Codes of an int8 cache are multiplied by a scale for each channel. Those of keys are folded into the queries, and
/// those of values into what comes out, so that in between a code is a number like any other.
/// </remarks>
internal unsafe struct AttentionCall
{
    public AttentionShape Shape;

    /// <summary>Sequences.</summary>
    public int Batch;

    /// <summary>New tokens of each sequence.</summary>
    public int Tokens;

    public int HeadDim;

    /// <summary>Tokens that a sequence has room for.</summary>
    public int Capacity;

    /// <summary>The way in which the cache holds keys and values.</summary>
    public CacheFormat Format;

    /// <summary>New queries, keys and values, [batch, tokens, …], and how far a token is from the next.</summary>
    public float* Queries;
    public float* Keys;
    public float* Values;
    public int QueryStride;
    public int KeyStride;

    /// <summary>[batch, key heads, capacity] of <see cref="RowBytes"/> each.</summary>
    public byte* KeyCache;
    public byte* ValueCache;

    /// <summary>[batch]: the position of each sequence's first key in the cache; null where all are 0.</summary>
    public int* Firsts;

    /// <summary>[key heads, head size] of an int8 cache.</summary>
    public float* KeyScales;
    public float* ValueScales;

    /// <summary>[key heads, head size] of an int4 cache; null for none.</summary>
    public float* KeyMeans;

    /// <summary>[batch]: the last position of each sequence; negative for one to leave alone.</summary>
    public int* LastPositions;

    /// <summary>[positions, rotary size / 2].</summary>
    public float* Cosines;
    public float* Sines;
    public int RotaryHalf;

    /// <summary>[heads]: a score without a value; null for none.</summary>
    public float* Sinks;

    /// <summary>[batch, tokens, heads, head size].</summary>
    public float* Output;

    /// <summary>Queries rotated and scaled, [batch, tokens, heads, head size].</summary>
    public float* Rotated;

    /// <summary>Results of single segments that are tasks of their own; null where none is.</summary>
    public float* Partials;

    /// <summary>Tokens of a sequence that one task takes.</summary>
    public int BlockTokens;

    /// <summary>The most segments that a block of tokens sees.</summary>
    public int Segments;

    public readonly int Blocks => (Tokens + BlockTokens - 1) / BlockTokens;

    /// <summary>Bytes of one key or value in the cache.</summary>
    public readonly int RowBytes => Format switch
    {
        CacheFormat.Float16 => HeadDim * sizeof(ushort),
        CacheFormat.Int8 => HeadDim,
        CacheFormat.Int4 => (int)AttentionContract.Int4Bytes(HeadDim),
        _ => HeadDim * sizeof(float),
    };

    /// <summary>
    /// Tells whether a sequence only stands between others: its cache stays as it is, and zeros come out.
    /// </summary>
    public readonly bool IsInactive(int sequence) => LastPositions[sequence] < 0;

    /// <summary>The position of a sequence's first new token.</summary>
    public readonly int Past(int sequence) => Math.Max(0, LastPositions[sequence] + 1 - Tokens);

    /// <summary>The position of a sequence's first key in the cache.</summary>
    public readonly int First(int sequence) => Firsts is null ? 0 : Firsts[sequence];

    /// <summary>Locates the key or value of a position.</summary>
    public readonly byte* At(byte* cache, int sequence, int head, int position)
    {
        var row = (((long)sequence * Shape.KeyValueHeads) + head) * Capacity;
        return cache + ((row + position - First(sequence)) * RowBytes);
    }
}

/// <summary>A way to hold keys and values.</summary>
internal enum CacheFormat
{
    /// <summary>Single precision.</summary>
    Float32,

    /// <summary>Half precision: <see cref="HalfPrecision"/>.</summary>
    Float16,

    /// <summary>Codes of 8 bits, with a constant scale for each channel of each head.</summary>
    Int8,

    /// <summary>Rotated heads in codes of 4 bits, with scales for each token: <see cref="QuantizedRow"/>.</summary>
    Int4,
}
