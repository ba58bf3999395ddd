namespace Slipway.Kernels.Attention;

/// <summary>Describes a layer's attention, whatever tensors it runs on.</summary>
/// <param name="NumAttentionHeads">Heads of queries.</param>
/// <param name="KeyValueHeads">Heads of keys and of values; each serves as many neighbouring heads of queries.</param>
/// <param name="Scale">The factor of scores.</param>
/// <param name="Softcap">Bends scores to lie between −softcap and softcap; 0 for none.</param>
/// <param name="Window">The number of last positions that are seen, the own one included; 0 or less for all.</param>
/// <param name="Rotates">True if queries and keys are rotated by their positions first.</param>
/// <param name="Slides">True if the cache keeps a window of tokens, and the oldest are evicted.</param>
internal readonly record struct AttentionShape(
    int NumAttentionHeads, int KeyValueHeads, float Scale, float Softcap, int Window, bool Rotates,
    bool Slides)
{
    /// <summary>Heads of queries to one of keys.</summary>
    public int Group => NumAttentionHeads / KeyValueHeads;
}
