using System.Globalization;
using Slipway.Kernels.Memory;

namespace Slipway.Kernels.Tests.Memory;

[Collection(nameof(HugePagesTests))]
[CollectionDefinition(nameof(HugePagesTests), DisableParallelization = true)]
public sealed class HugePagesTests
{
    // So large that it is a mapping of its own, not a part of the heap.
    private const int Bytes = 64 << 20;

    [Fact]
    public void Collapse_MemoryFilledSince_LiesInLargePages()
    {
        SkipWithoutLargePages();
        var before = HugePages.Memory();
        using var small = new NativeBuffer(HugePages.Size - 1);
        using var large = new NativeBuffer(Bytes);
        small.AsSpan<byte>(0, (int)small.Bytes).Fill(3);
        large.AsSpan<byte>(0, Bytes).Fill(7);
        Assert.InRange(HugePages.Collapse(HugePages.MappedSince(before)), Bytes / 2, long.MaxValue);
        Assert.InRange(LargeBytes(large), Bytes / 2, Bytes);
        Assert.False(large.AsSpan<byte>(0, Bytes).ContainsAnyExcept((byte)7));
    }

    [Fact]
    public void Collapse_UntouchedMemory_StaysAway()
    {
        SkipWithoutLargePages();
        var before = HugePages.Memory();
        using var buffer = new NativeBuffer(Bytes);
        HugePages.Collapse(HugePages.MappedSince(before));
        Assert.Equal(0, LargeBytes(buffer));
    }

    [Fact]
    public void Memory_FilledBuffer_IsListedOnLinux()
    {
        using var buffer = new NativeBuffer(Bytes);
        buffer.AsSpan<byte>(0, Bytes).Fill(7);
        Assert.Equal(
            OperatingSystem.IsLinux(),
            HugePages.Memory().Any(range => range.Start <= buffer.Address && buffer.Address < range.End));
    }

    private static void SkipWithoutLargePages()
    {
        const string Enabled = "/sys/kernel/mm/transparent_hugepage/enabled";
        Assert.SkipUnless(
            File.Exists(Enabled) && !File.ReadAllText(Enabled).Contains("[never]", StringComparison.Ordinal)
            && Environment.OSVersion.Version >= new Version(6, 1),
            "This system has no transparent huge pages that a process can ask for.");
    }

    // AnonHugePages of the mapping that holds the buffer's middle: at its ends it lies in ones of their own.
    private static long LargeBytes(NativeBuffer buffer)
    {
        var address = buffer.Address + (nint)(buffer.Bytes / 2);
        var inside = false;
        foreach (var line in File.ReadLines("/proc/self/smaps"))
        {
            if (line.Split(' ', '-') is [var start, var end, ..] && IsAddress(start, out var from)
                && IsAddress(end, out var to))
            {
                inside = from <= address && address < to;
            }
            else if (inside && line.StartsWith("AnonHugePages:", StringComparison.Ordinal))
            {
                return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
                    CultureInfo.InvariantCulture);
            }
        }

        return 0;

        static bool IsAddress(string text, out nint value)
            => nint.TryParse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out value);
    }
}
