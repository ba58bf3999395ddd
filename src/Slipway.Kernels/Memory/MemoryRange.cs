namespace Slipway.Kernels.Memory;

/// <summary>Addresses from <paramref name="Start"/> to before <paramref name="End"/>.</summary>
internal readonly record struct MemoryRange(nint Start, nint End)
{
    public long Length => Math.Max(0, End - Start);

    /// <summary>The pages of a size that lie wholly inside.</summary>
    public MemoryRange Inner(long page) => new((nint)((Start + page - 1) / page * page), (nint)(End / page * page));

    /// <summary>The pages of a size that any of it lies in.</summary>
    public MemoryRange Outer(long page) => new((nint)(Start / page * page), (nint)((End + page - 1) / page * page));
}
