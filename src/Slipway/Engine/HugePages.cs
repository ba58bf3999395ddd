using System.Globalization;
using System.Runtime.InteropServices;

namespace Slipway.Engine;

/// <summary>Asks Linux to hold large memory in pages of 2 MiB, which spares the processor most page-table walks.</summary>
/// <remarks>
/// A decode step reads every weight once, so that small pages cost it bandwidth, in virtual machines most of all. These
/// are requests: a kernel that has no such pages, or none free, leaves the memory as it is. Elsewhere nothing happens.
/// Source: madvise(2), MADV_HUGEPAGE and MADV_COLLAPSE (Linux 6.1).
/// </remarks>
internal static unsafe partial class HugePages
{
    public const long Size = 2 << 20;

    // A page that is mostly untouched, as of a stack, would only take memory.
    private const double LeastTouched = 0.9;

    private const int AdviseHuge = 14;
    private const int AdviseSmall = 15;
    private const int AdviseCollapse = 25;
    private const string Maps = "/proc/self/maps";

    /// <summary>Asks for large pages where the range is first touched, or for none.</summary>
    public static void Advise(nint address, long bytes, bool isWanted = true)
    {
        if (OperatingSystem.IsLinux())
        {
            Advise(new Range(address, address + (nint)bytes), isWanted ? AdviseHuge : AdviseSmall);
        }
    }

    /// <summary>The private writable memory of this process; empty where that cannot be known.</summary>
    public static IReadOnlyList<Range> Memory()
        => OperatingSystem.IsLinux() && File.Exists(Maps) ? [.. File.ReadLines(Maps).SelectMany(Parse)] : [];

    /// <summary>What was mapped since.</summary>
    public static IReadOnlyList<Range> MappedSince(IReadOnlyList<Range> before)
        => [.. Memory().SelectMany(range => Without(range, before))];

    /// <summary>Moves what is filled of some memory into large pages; takes time by its size.</summary>
    /// <returns>Bytes that now lie in large pages.</returns>
    public static long Collapse(IReadOnlyList<Range> memory)
    {
        var bytes = 0L;
        foreach (var page in memory.SelectMany(Filled))
        {
            // An older kernel moves it by and by, once it is told.
            bytes += Advise(page, AdviseCollapse) ? Size : 0;
            Advise(page, AdviseHuge);
        }

        return bytes;
    }

    private static bool Advise(Range range, int advice)
    {
        var aligned = range.Aligned();
        return aligned.Length > 0 && MemoryAdvice((void*)aligned.Start, (nuint)aligned.Length, advice) == 0;
    }

    private static IEnumerable<Range> Without(Range range, IReadOnlyList<Range> others)
    {
        var start = range.Start;
        foreach (var other in others.Where(other => other.End > range.Start && other.Start < range.End))
        {
            if (other.Start > start)
            {
                yield return new Range(start, other.Start);
            }

            start = nint.Max(start, other.End);
        }

        if (start < range.End)
        {
            yield return new Range(start, range.End);
        }
    }

    // The large pages of a range that are resident already, as small ones.
    private static IEnumerable<Range> Filled(Range range)
    {
        var resident = new byte[Size / Environment.SystemPageSize];
        for (var start = range.Aligned().Start; start < range.Aligned().End; start += (nint)Size)
        {
            if (Residency(start, (nuint)Size, resident) == 0
                && resident.Count(flags => (flags & 1) != 0) >= LeastTouched * resident.Length)
            {
                yield return new Range(start, start + (nint)Size);
            }
        }
    }

    // "7f00-7f80 rw-p 00000000 00:00 0 [heap]": anonymous memory has no name, or that of the heap.
    private static IEnumerable<Range> Parse(string line)
    {
        var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields is [var range, "rw-p", _, _, "0", .. var name] && name is [] or ["[heap]"]
            && range.Split('-') is [var start, var end])
        {
            yield return new Range(Address(start), Address(end));
        }
    }

    private static nint Address(string text) => nint.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MemoryAdvice(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "mincore")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Residency(nint address, nuint length, [Out] byte[] resident);

    /// <summary>Addresses from <paramref name="Start"/> to before <paramref name="End"/>.</summary>
    public readonly record struct Range(nint Start, nint End)
    {
        public long Length => Math.Max(0, End - Start);

        /// <summary>The large pages that lie wholly inside.</summary>
        public Range Aligned() => new((nint)((Start + Size - 1) / Size * Size), (nint)(End / Size * Size));
    }
}
