namespace Slipway.Engine.Execution;

/// <summary>Counts cores, where two threads of one core share what computes.</summary>
internal static class PhysicalCores
{
    private const string Folder = "/sys/devices/system/cpu";

    /// <summary>Cores that this process may use; processors where the system does not say which share a core.</summary>
    public static int Count { get; } = Math.Clamp(Listed(), 1, Environment.ProcessorCount);

    private static int Listed()
    {
        if (!Directory.Exists(Folder))
        {
            return Environment.ProcessorCount;
        }

        var cores = Directory.EnumerateDirectories(Folder, "cpu*")
            .Select(processor => Path.Combine(processor, "topology", "core_cpus_list"))
            .Where(File.Exists)
            .Select(File.ReadAllText)
            .ToHashSet(StringComparer.Ordinal);
        return cores.Count > 0 ? cores.Count : Environment.ProcessorCount;
    }
}
