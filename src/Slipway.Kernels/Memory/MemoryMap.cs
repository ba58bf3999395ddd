using System.Globalization;

namespace Slipway.Kernels.Memory;

/// <summary>One mapping of this process, a line of <c>/proc/self/maps</c>.</summary>
/// <remarks>Source: proc(5).</remarks>
/// <param name="Range">The addresses.</param>
/// <param name="Permissions">As <c>rw-p</c>.</param>
/// <param name="Inode">The file's number; 0 for memory of no file.</param>
/// <param name="Name">The file, or what the memory is for; empty for neither.</param>
internal readonly record struct MemoryMap(MemoryRange Range, string Permissions, ulong Inode, string Name)
{
    private const string File = "/proc/self/maps";

    /// <summary>Tells whether it is a file's, the process's own copy, and no code.</summary>
    public bool IsPrivateData => Inode != 0 && Permissions is ("r--p" or "rw-p");

    /// <summary>All mappings by address; empty where the system does not list them.</summary>
    public static IReadOnlyList<MemoryMap> Read()
        => OperatingSystem.IsLinux() && System.IO.File.Exists(File)
            ? [.. System.IO.File.ReadLines(File).Select(Parse).OfType<MemoryMap>()] : [];

    // "7f00-7f80 rw-p 00001000 fe:00 5349388      /packages/model.onnx.data"
    internal static MemoryMap? Parse(string line)
    {
        var fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        return fields.Length >= 5 && fields[1].Length == 4 && fields[0].Split('-') is [var start, var end]
            && IsAddress(start, out var from) && IsAddress(end, out var to)
            && ulong.TryParse(fields[4], NumberStyles.None, CultureInfo.InvariantCulture, out var inode)
                ? new MemoryMap(new MemoryRange(from, to), fields[1], inode, fields.Length > 5 ? fields[5] : "")
                : null;
    }

    private static bool IsAddress(string text, out nint address)
        => nint.TryParse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out address);
}
