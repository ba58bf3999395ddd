using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.Kernels.Memory;

/// <summary>
/// Asks Linux to hold large memory in pages of 2 MiB, which spares the processor most page-table walks.
/// </summary>
/// <remarks>
/// A decode step reads every weight once, so that small pages cost it bandwidth, in virtual machines most of all. These
/// are requests: a kernel that has no such pages, or none free, leaves the memory as it is. Elsewhere nothing happens.
/// Source: madvise(2), MADV_HUGEPAGE and MADV_COLLAPSE (Linux 6.1).
/// </remarks>
internal static unsafe partial class HugePages
{
    public const long Size = 2 << 20;

    // A page that is mostly untouched, as of a stack, would only take memory.
    private const double MinTouched = 0.9;

    private const int AdviseHuge = 14;
    private const int AdviseSmall = 15;
    private const int AdviseCollapse = 25;

    /// <summary>Asks for large pages where the range is first touched, or for none.</summary>
    public static void Advise(nint address, long bytes, bool isWanted = true)
    {
        if (OperatingSystem.IsLinux())
        {
            Advise(new MemoryRange(address, address + (nint)bytes), isWanted ? AdviseHuge : AdviseSmall);
        }
    }

    /// <summary>The private writable memory of this process; empty where that cannot be known.</summary>
    public static IReadOnlyList<MemoryRange> Memory()
        => [.. MemoryMap.Read()
            .Where(map => map is { Permissions: "rw-p", Inode: 0, Name: "" or "[heap]" })
            .Select(map => map.Range)];

    /// <summary>Lists the memory that was mapped since.</summary>
    public static IReadOnlyList<MemoryRange> MappedSince(IReadOnlyList<MemoryRange> before)
        => [.. Memory().SelectMany(range => Without(range, before))];

    /// <summary>Moves what is filled of some memory into large pages; takes time by its size.</summary>
    /// <returns>Bytes that now lie in large pages.</returns>
    public static long Collapse(IReadOnlyList<MemoryRange> memory)
    {
        var bytes = 0L;
        if (!OperatingSystem.IsLinux())
        {
            return bytes;
        }

        foreach (var page in memory.SelectMany(Filled))
        {
            // An older kernel moves it by and by, once it is told.
            bytes += Advise(page, AdviseCollapse) ? Size : 0;
            Advise(page, AdviseHuge);
        }

        return bytes;
    }

    [SupportedOSPlatform("linux")]
    private static bool Advise(MemoryRange range, int advice)
    {
        var aligned = range.Inner(Size);
        return aligned.Length > 0 && MemoryAdvice((void*)aligned.Start, (nuint)aligned.Length, advice) == 0;
    }

    private static IEnumerable<MemoryRange> Without(MemoryRange range, IReadOnlyList<MemoryRange> others)
    {
        var start = range.Start;
        foreach (var other in others.Where(other => other.End > range.Start && other.Start < range.End))
        {
            if (other.Start > start)
            {
                yield return new MemoryRange(start, other.Start);
            }

            start = nint.Max(start, other.End);
        }

        if (start < range.End)
        {
            yield return new MemoryRange(start, range.End);
        }
    }

    // The large pages of a range that are resident already, as small ones.
    [SupportedOSPlatform("linux")]
    private static IEnumerable<MemoryRange> Filled(MemoryRange range)
    {
        var resident = new byte[Size / Environment.SystemPageSize];
        for (var start = range.Inner(Size).Start; start < range.Inner(Size).End; start += (nint)Size)
        {
            if (Residency(start, (nuint)Size, resident) == 0
                && resident.Count(flags => (flags & 1) != 0) >= MinTouched * resident.Length)
            {
                yield return new MemoryRange(start, start + (nint)Size);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SupportedOSPlatform("linux")]
    private static partial int MemoryAdvice(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "mincore")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SupportedOSPlatform("linux")]
    private static partial int Residency(nint address, nuint length, [Out] byte[] resident);
}
