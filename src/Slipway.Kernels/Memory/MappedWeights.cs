using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.Kernels.Memory;

/// <summary>Lets go of pages of weights that have been read and put in another order.</summary>
/// <remarks>
/// ONNX Runtime maps each constant of a graph from its file and never writes to it, so a page that is needed once more
/// comes back from the file. Without this the weights would be resident twice until the system runs short. The
/// constants' own addresses say which memory that is, while the session holds it; the file's name does not matter, be
/// it reached through links, deleted meanwhile, or mapped by others too.
/// Source: madvise(2), MADV_DONTNEED. Elsewhere than on Linux nothing happens.
/// </remarks>
internal static unsafe partial class MappedWeights
{
    private const int DoNotNeed = 4;

    /// <summary>Does so for constants that a session which is open has mapped; of others nothing is let go.</summary>
    /// <returns>Bytes of the pages.</returns>
    public static long Release(IReadOnlyCollection<MemoryRange> constants)
    {
        var released = 0L;
        if (!OperatingSystem.IsLinux())
        {
            return released;
        }

        var maps = constants.Count > 0 ? MemoryMap.Read() : [];
        foreach (var pages in constants.Select(constant => constant.Outer(Environment.SystemPageSize)))
        {
            // A constant that stands in the graph itself lies in memory of no file, whose content would be lost.
            if (IsOfFiles(pages, maps) && MemoryAdvice((void*)pages.Start, (nuint)pages.Length, DoNotNeed) == 0)
            {
                released += pages.Length;
            }
        }

        return released;
    }

    // Tells whether all of a range lies in private data of files.
    private static bool IsOfFiles(MemoryRange range, IReadOnlyList<MemoryMap> maps)
    {
        var covered = range.Start;
        foreach (var map in maps.Where(map => map.Range.End > range.Start && map.Range.Start < range.End))
        {
            if (!map.IsPrivateData || map.Range.Start > covered)
            {
                return false;
            }

            covered = map.Range.End;
        }

        return range.Length > 0 && covered >= range.End;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SupportedOSPlatform("linux")]
    private static partial int MemoryAdvice(void* address, nuint length, int advice);
}
