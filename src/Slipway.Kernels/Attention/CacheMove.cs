namespace Slipway.Kernels.Attention;

/// <summary>Copies consecutive keys and values of each sequence from one buffer to another, or within one.</summary>
/// <remarks>
/// <code>
/// target[sequence, head, i] = source[sequence, head, starts[sequence] + i]       for i below counts[sequence]
/// </code>
/// Buffers are [batch, key heads, capacity] of rows. Owns nothing.
/// </remarks>
internal unsafe struct CacheMove
{
    public byte* SourceKeys;
    public byte* SourceValues;
    public int SourceCapacity;

    public byte* TargetKeys;
    public byte* TargetValues;
    public int TargetCapacity;

    /// <summary>[batch].</summary>
    public int* Starts;
    public int* Counts;

    public int Heads;
    public int RowBytes;

    /// <summary>Copies one head of one sequence.</summary>
    public static void Part(void* state, int part)
    {
        ref var move = ref *(CacheMove*)state;
        var sequence = part / move.Heads;
        var bytes = (long)move.Counts[sequence] * move.RowBytes;
        var source = (((long)part * move.SourceCapacity) + move.Starts[sequence]) * move.RowBytes;
        var target = (long)part * move.TargetCapacity * move.RowBytes;
        Buffer.MemoryCopy(move.SourceKeys + source, move.TargetKeys + target, bytes, bytes);
        Buffer.MemoryCopy(move.SourceValues + source, move.TargetValues + target, bytes, bytes);
    }
}
