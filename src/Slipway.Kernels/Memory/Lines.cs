using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Slipway.Kernels.Memory;

/// <summary>Asks for memory before it is used, where the processor has such an instruction.</summary>
/// <remarks>
/// Pages of memory end what a processor reads ahead by itself. A few lines at a time: it waits for many of them as for
/// reads.
/// </remarks>
internal static unsafe class Lines
{
    private const int Size = 64;

    /// <summary>Asks for some bytes; any address is allowed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ask(byte* address, int bytes)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        for (var i = 0; i < bytes; i += Size)
        {
            Sse.Prefetch0(address + i);
        }
    }
}
