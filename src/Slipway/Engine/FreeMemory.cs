using System.Globalization;

namespace Slipway.Engine;

/// <summary>Tells how much memory can still be had, limits of a container included.</summary>
internal static class FreeMemory
{
    public static long Bytes()
    {
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var free = Math.Max(0, total - Environment.WorkingSet);
        return OperatingSystem.IsLinux() ? Math.Min(free, LinuxBytes() ?? free) : free;
    }

    public static string Format(long bytes)
        => bytes >= 1L << 30
            ? (bytes / (double)(1L << 30)).ToString("0.0", CultureInfo.InvariantCulture) + " GiB"
            : (bytes / (double)(1L << 20)).ToString("0.0", CultureInfo.InvariantCulture) + " MiB";

    private static long? LinuxBytes()
    {
        const string Path = "/proc/meminfo";
        const string Key = "MemAvailable:";
        if (!File.Exists(Path))
        {
            return null;
        }

        var line = File.ReadLines(Path).FirstOrDefault(text => text.StartsWith(Key, StringComparison.Ordinal));
        var number = line?[Key.Length..].Replace("kB", "", StringComparison.Ordinal).Trim();
        return long.TryParse(number, CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : null;
    }
}
