using System.Globalization;

namespace Slipway.Engine.Cache;

/// <summary>Tells how much memory this process can still take, limits of its container included.</summary>
/// <remarks>
/// Keys, values and weights are native memory, so the limit of the garbage collector's heap does not bound them.
/// </remarks>
internal static class FreeMemory
{
    /// <summary>Free bytes of the machine, or of the tightest limit that holds for this process.</summary>
    public static long Bytes()
        => OperatingSystem.IsLinux() && LinuxMemory.Read("/") is { } bytes ? bytes : CollectorsBytes();

    public static string Format(long bytes)
        => bytes >= 1L << 30
            ? (bytes / (double)(1L << 30)).ToString("0.0", CultureInfo.InvariantCulture) + " GiB"
            : (bytes / (double)(1L << 20)).ToString("0.0", CultureInfo.InvariantCulture) + " MiB";

    // Its threshold is a share of the machine's memory, or of a Windows job's, whatever limit the heap itself has. What
    // is in use is measured at each collection only, so this process counts itself until there was one.
    private static long CollectorsBytes()
    {
        var memory = GC.GetGCMemoryInfo();
        return Math.Max(
            0, memory.HighMemoryLoadThresholdBytes - Math.Max(memory.MemoryLoadBytes, Environment.WorkingSet));
    }
}
