using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.Kernels.X86;

/// <summary>Makes bytes callable that are code of this processor.</summary>
/// <remarks>
/// The memory is written first and may be run only after that, never both at once. It is held until the process ends.
/// Source: mmap(2), mprotect(2).
/// </remarks>
internal static unsafe partial class MachineCode
{
    private const int Read = 1, Write = 2, Execute = 4;
    private const int PrivateAnonymous = 0x22;

    /// <summary>Maps code.</summary>
    /// <returns>
    /// Its address; null where the system lets no program make code, as hardened ones do, and on other systems than
    /// Linux, whose functions are called otherwise.
    /// </returns>
    public static void* Map(ReadOnlySpan<byte> code)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        var length = (nuint)code.Length;
        var memory = MapMemory(null, length, Read | Write, PrivateAnonymous, -1, 0);
        if ((nint)memory == -1)
        {
            return null;
        }

        code.CopyTo(new Span<byte>(memory, code.Length));
        return Protect(memory, length, Read | Execute) == 0 ? memory : null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SupportedOSPlatform("linux")]
    private static partial void* MapMemory(void* address, nuint length, int protection, int flags, int file, long at);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SupportedOSPlatform("linux")]
    private static partial int Protect(void* address, nuint length, int protection);
}
