using System.Globalization;
using System.Runtime.InteropServices;

namespace Slipway.Engine;

/// <summary>Lets go of pages of weight files that have been read and put in another order.</summary>
/// <remarks>
/// ONNX Runtime maps a graph's weights into memory and never writes to them, so a page that is needed once more, as of an
/// embedding table, comes back from the file. Without this the weights would be resident twice until the system runs short.
/// Source: madvise(2), MADV_DONTNEED. Elsewhere than on Linux nothing happens.
/// </remarks>
internal static unsafe partial class MappedWeights
{
    private const int DoNotNeed = 4;
    private const string Maps = "/proc/self/maps";

    /// <summary>Does so for the files of a folder.</summary>
    public static void Release(string folder)
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(Maps))
        {
            return;
        }

        var prefix = Path.GetFullPath(folder) + Path.DirectorySeparatorChar;
        foreach (var line in File.ReadLines(Maps))
        {
            // "7f00-7f80 rw-p 00001000 fe:00 5349388      /packages/model.onnx.data"
            var name = line.IndexOf('/', StringComparison.Ordinal);
            var dash = line.IndexOf('-', StringComparison.Ordinal);
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (name > space && dash > 0 && line.AsSpan(name).StartsWith(prefix, StringComparison.Ordinal)
                && nint.TryParse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var start)
                && nint.TryParse(
                    line.AsSpan(dash + 1, space - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture,
                    out var end))
            {
                _ = MemoryAdvice((void*)start, (nuint)(end - start), DoNotNeed);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MemoryAdvice(void* address, nuint length, int advice);
}
