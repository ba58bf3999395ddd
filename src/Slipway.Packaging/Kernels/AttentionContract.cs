namespace Slipway.Packaging.Kernels;

/// <summary>
/// States the operators <c>GroupQueryAttention</c>, <c>GroupQueryAttentionFloat16</c>,
/// <c>GroupQueryAttentionInt8</c> and <c>GroupQueryAttentionInt4</c>.
/// </summary>
/// <remarks>
/// Causal attention over a cache that past and present share, [batch, kv_heads, capacity, head_dim]. The second keeps
/// half precision, the third int8 values with a scale for each channel, [kv_heads, 1, head_dim], the fourth uint8
/// [batch, kv_heads, capacity, bytes]: heads turned by a Hadamard matrix, in 4 bits, then the scale and minimum of each
/// group of channels in half precision; a cache is read by the operator that wrote it. Key means, [kv_heads, 1,
/// head_dim], are taken off keys first, which moves all scores of a query alike: no sinks and no softcap may stand
/// beside them. A layer with a window may have a sliding cache, of the window's tokens and more: a sequence's kept
/// tokens stand in order from its start, and a full one evicts the oldest together (<see cref="EvictedTokens"/>).
/// The query is [batch, tokens, heads · head_dim] beside a key and a value [batch, tokens, kv_heads ·
/// head_dim], or all three side by side in one tensor. Last positions are int32 [batch]; −1 leaves a slot alone.
/// Cosines and sines are [positions, rotary size / 2], sinks [heads].
/// </remarks>
internal static class AttentionContract
{
    public const string AttentionOperator = "GroupQueryAttention";
    public const string AttentionFloat16Operator = "GroupQueryAttentionFloat16";
    public const string AttentionInt8Operator = "GroupQueryAttentionInt8";
    public const string AttentionInt4Operator = "GroupQueryAttentionInt4";

    public const int Query = 0;
    public const int PastKey = 1;
    public const int PastValue = 2;
    public const int LastPositions = 3;
    public const int Key = 4;
    public const int Value = 5;
    public const int Cosines = 6;
    public const int Sines = 7;
    public const int Sinks = 8;
    public const int KeyScales = 9;
    public const int KeyMeans = 9;
    public const int ValueScales = 10;

    public const int Output = 0;
    public const int PresentKey = 1;
    public const int PresentValue = 2;

    public const string HeadsAttribute = "num_heads";
    public const string KeyValueHeadsAttribute = "kv_num_heads";
    public const string ScaleAttribute = "scale";
    public const string SoftcapAttribute = "softcap";
    public const string WindowAttribute = "local_window_size";
    public const string RotaryAttribute = "do_rotary";

    /// <summary>1 where the cache keeps a window of tokens; absent in versions before 6, and 0 then.</summary>
    public const string SlidingAttribute = "sliding_window_cache";

    public const int MaxHeads = 4096;

    /// <summary>Head sizes are multiples of it.</summary>
    public const int HeadDimMultiple = 16;

    public const int MaxHeadDim = 512;

    public static IReadOnlyList<string> Operators { get; } =
        [AttentionOperator, AttentionFloat16Operator, AttentionInt8Operator, AttentionInt4Operator];

    public static IReadOnlyList<string> Attributes { get; } =
        [
            HeadsAttribute, KeyValueHeadsAttribute, ScaleAttribute, SoftcapAttribute, WindowAttribute, RotaryAttribute,
        ];

    /// <summary>Channels of a key or value of 4 bits that share a scale.</summary>
    public static int Int4Group(long headDim) => headDim % 32 == 0 ? 32 : 16;

    /// <summary>Bytes of a key or value of 4 bits: a group's scale and minimum take two each.</summary>
    public static long Int4Bytes(long headDim) => (headDim / 2) + (4 * (headDim / Int4Group(headDim)));

    /// <summary>
    /// The tokens that a sliding cache has evicted of a sequence, and so the position of the first that it keeps.
    /// </summary>
    /// <remarks>A full cache evicts together all that the next token does not see.</remarks>
    /// <param name="length">Tokens of the sequence.</param>
    /// <param name="window">Tokens that a token sees, itself included; 1 or more.</param>
    /// <param name="capacity">Tokens that the cache has room for; the window or more.</param>
    public static int EvictedTokens(int length, int window, int capacity)
    {
        var together = (long)capacity - window + 1;
        return length <= capacity ? 0 : (int)((length - window) / together * together);
    }

    /// <summary>Tells whether the operators can compute such heads.</summary>
    public static bool Supports(long heads, long keyValueHeads)
        => heads is > 0 and <= MaxHeads && keyValueHeads > 0 && heads % keyValueHeads == 0;

    /// <summary>Tells whether the operators can compute heads of such a size.</summary>
    public static bool SupportsHeadDim(long headDim)
        => headDim is > 0 and <= MaxHeadDim && headDim % HeadDimMultiple == 0;
}
