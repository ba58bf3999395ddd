using Slipway.Packaging.Kernels;

namespace Slipway.Engine.Cache;

/// <summary>Says which tokens a layer with a window keeps.</summary>
/// <remarks>
/// A slot keeps its tokens in order from the buffer's start. Once it is full, the oldest are evicted together: all that
/// the next token does not see. So what a slot keeps follows from its length alone, in this library's kernels and in
/// ONNX Runtime's. Source: GroupQueryAttention's attribute <c>sliding_window_cache</c>.
/// </remarks>
/// <param name="Size">Tokens that the layer sees, the own one included.</param>
/// <param name="Slack">Tokens that it keeps beyond those at most, 1 or more.</param>
internal sealed record CacheWindow(int Size, int Slack)
{
    // What ONNX Runtime GenAI takes where a package does not say.
    private const int DefaultSlack = 16;

    /// <summary>Tokens that a slot has room for.</summary>
    public int Capacity => Size + Slack;

    /// <summary>The window of a package that leaves eviction to the graph; null for none.</summary>
    public static CacheWindow? Of(Packaging.GenAISlidingWindow? window)
        => window is { SlideKeyValueCache: false, SlideInputs: false }
            ? new CacheWindow(window.WindowSize, window.CacheSlack > 0 ? window.CacheSlack : DefaultSlack)
            : null;

    /// <summary>Tokens that a slot of a length has evicted; so the first position that the slot keeps.</summary>
    public int EvictedTokens(int length)
        => AttentionContract.EvictedTokens(length, Size, Capacity);

    /// <summary>The length at which a slot evicts more tokens.</summary>
    public int FullAt(int length) => Capacity + EvictedTokens(length);
}
