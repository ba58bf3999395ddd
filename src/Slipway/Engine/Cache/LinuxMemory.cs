using System.Globalization;

namespace Slipway.Engine.Cache;

/// <summary>Reads what Linux says of free memory and of the limits of control groups.</summary>
/// <remarks>
/// The cache of files counts as free: the kernel gives it up when memory is asked for. Sources: proc(5), cgroups(7),
/// and the kernel's documentation of both versions of control groups.
/// </remarks>
internal static class LinuxMemory
{
    private static readonly Version One = new(
        "cgroup", "memory", ["memory.limit_in_bytes"], "memory.usage_in_bytes",
        ["total_inactive_file ", "total_active_file "]);

    private static readonly Version Two = new(
        "cgroup2", null, ["memory.max", "memory.high"], "memory.current", ["inactive_file ", "active_file "]);

    /// <summary>Free bytes; null where the system does not say.</summary>
    /// <param name="root">The root of the file system.</param>
    public static long? Read(string root)
        => Number(Path.Combine(root, "proc/meminfo"), "MemAvailable:") is { } kilobytes
            ? Groups(root).Aggregate(kilobytes * 1024, Math.Min)
            : null;

    // What each limit leaves, of this process's group and of those that hold it.
    private static IEnumerable<long> Groups(string root)
    {
        var mounts = Lines(Path.Combine(root, "proc/self/mountinfo")).Select(Mount.Parse).OfType<Mount>().ToList();
        foreach (var line in Lines(Path.Combine(root, "proc/self/cgroup")))
        {
            // "0::/path" is of version 2, "4:memory:/path" of version 1.
            if (line.Split(':', 3) is not [_, var controllers, var path])
            {
                continue;
            }

            var version = controllers.Length == 0 ? Two : controllers.Split(',').Contains("memory") ? One : null;
            if (version is null || mounts.Find(version.Is) is not { } mount)
            {
                continue;
            }

            // A path outside the part that is mounted is that of a container seen from its host.
            var inside = path.StartsWith(mount.Root, StringComparison.Ordinal) ? path[mount.Root.Length..] : "";
            var top = Path.Combine(root, mount.Point.TrimStart('/'));
            for (var folder = Path.Combine(top, inside.Trim('/')); folder.Length >= top.Length;
                folder = Path.GetDirectoryName(folder)!)
            {
                if (version.Free(folder) is { } free)
                {
                    yield return Math.Max(0, free);
                }
            }
        }
    }

    private static long? Number(string path, string key)
        => Lines(path).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal)) is { } line
            && line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var number, ..]
            ? Parse(number)
            : null;

    private static long? Whole(string path) => Lines(path) is [var line, ..] ? Parse(line) : null;

    // "max" is no number, and no limit.
    private static long? Parse(string text)
        => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    // Sandboxes hide such files, and a group can end between two of them.
    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The files of a version of control groups.</summary>
    /// <param name="Type">The file system's type.</param>
    /// <param name="Option">What the mount's options name, where each controller has a mount of its own.</param>
    /// <param name="Limits">Files that hold a limit.</param>
    /// <param name="Usage">The file that holds what is in use.</param>
    /// <param name="Cache">Figures of <c>memory.stat</c> that count the cache of files.</param>
    private sealed record Version(string Type, string? Option, string[] Limits, string Usage, string[] Cache)
    {
        public bool Is(Mount mount)
            => mount.Type == Type && (Option is null || mount.Options.Split(',').Contains(Option));

        /// <summary>Bytes that the limit of a group leaves; null where the group has none.</summary>
        public long? Free(string group)
            => Limits.Min(file => Whole(Path.Combine(group, file))) is { } limit
                && Whole(Path.Combine(group, Usage)) is { } usage
                ? limit - usage + Cache.Sum(key => Number(Path.Combine(group, "memory.stat"), key) ?? 0)
                : null;
    }

    /// <param name="Root">The part of the file system that is mounted.</param>
    /// <param name="Point">The folder at which it is.</param>
    /// <param name="Type">The file system's type.</param>
    /// <param name="Options">The file system's own options.</param>
    private sealed record Mount(string Root, string Point, string Type, string Options)
    {
        // "36 35 98:0 /root /point rw,noatime master:1 - cgroup cgroup rw,memory"
        public static Mount? Parse(string line)
            => line.Split(" - ", 2) is [var own, var system] && own.Split(' ') is [_, _, _, var root, var point, ..]
                && system.Split(' ') is [var type, _, var options, ..]
                ? new Mount(root == "/" ? "" : root, point, type, options)
                : null;
    }
}
