using Slipway.Engine.Cache;
using Slipway.Testing;

namespace Slipway.Tests.Engine.Cache;

public sealed class LinuxMemoryTests : IDisposable
{
    private const long Mebi = 1 << 20;
    private readonly TemporaryFolder _root = new();

    public LinuxMemoryTests()
        => Write("proc/meminfo", "MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable:    4194304 kB\n");

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Read_NoGroups_IsWhatTheMachineHas() => Assert.Equal(4096 * Mebi, LinuxMemory.Read(_root.Path));

    [Fact]
    public void Read_NoMeminfo_IsUnknown()
    {
        File.Delete(_root["proc/meminfo"]);
        Assert.Null(LinuxMemory.Read(_root.Path));
    }

    [Fact]
    public void Read_Version2_TakesTheTightestOfAllGroupsAndCountsTheCacheAsFree()
    {
        Mounted("/", "/sys/fs/cgroup", "cgroup2", "rw");
        Write("proc/self/cgroup", "0::/user/app\n");
        Version2("sys/fs/cgroup/user/app", "max", "max", 10 * Mebi, 5 * Mebi);
        Version2("sys/fs/cgroup/user", $"{200 * Mebi}", "max", 150 * Mebi, 40 * Mebi);
        Assert.Equal(90 * Mebi, LinuxMemory.Read(_root.Path));

        Version2("sys/fs/cgroup/user/app", $"{100 * Mebi}", $"{60 * Mebi}", 10 * Mebi, 5 * Mebi);
        Assert.Equal(55 * Mebi, LinuxMemory.Read(_root.Path));

        Version2("sys/fs/cgroup/user/app", $"{10 * Mebi}", "max", 11 * Mebi, 0);
        Assert.Equal(0, LinuxMemory.Read(_root.Path));
    }

    [Theory]
    [InlineData("/", "/docker/abc", "sys/fs/cgroup/memory/docker/abc")]
    [InlineData("/docker/abc", "/docker/abc", "sys/fs/cgroup/memory")]
    [InlineData("/docker/abc", "/docker/abc/app", "sys/fs/cgroup/memory/app")]
    [InlineData("/docker/abc", "/elsewhere", "sys/fs/cgroup/memory")]
    public void Read_Version1_FindsTheGroupWhereItIsMounted(string mounted, string path, string folder)
    {
        Mounted(mounted, "/sys/fs/cgroup/memory", "cgroup", "rw,memory");
        Write("proc/self/cgroup", $"9:cpu:/x\n4:memory:{path}\n0::/\n");
        Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n");
        Write($"{folder}/memory.limit_in_bytes", $"{100 * Mebi}\n");
        Write($"{folder}/memory.usage_in_bytes", $"{90 * Mebi}\n");
        Write(
            $"{folder}/memory.stat",
            $"inactive_file 1\nactive_file 1\ntotal_inactive_file {30 * Mebi}\ntotal_active_file {20 * Mebi}\n");
        Assert.Equal(60 * Mebi, LinuxMemory.Read(_root.Path));
    }

    private void Mounted(string root, string point, string type, string options) => Write(
        "proc/self/mountinfo",
        $"31 23 0:28 / / rw - tmpfs tmpfs rw\n35 31 0:32 {root} {point} rw,relatime shared:9 - {type} {type} "
        + $"{options}\n");

    private void Version2(string folder, string max, string high, long usage, long cache)
    {
        Write($"{folder}/memory.max", max + "\n");
        Write($"{folder}/memory.high", high + "\n");
        Write($"{folder}/memory.current", usage + "\n");
        Write($"{folder}/memory.stat", $"anon 1\nfile 2\ninactive_file {cache}\nactive_file 0\n");
    }

    private void Write(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root[path])!);
        File.WriteAllText(_root[path], content);
    }
}
