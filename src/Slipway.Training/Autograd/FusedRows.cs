using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Slipway.Training.Autograd;

/// <summary>Divides the rows of fused operations among threads, and says to which tensors they apply.</summary>
/// <remarks>
/// Element-wise chains cost more than the matrix products of a small model when each link is an operation of its own.
/// A fused operation reads and writes each number once. It applies on the CPU only; elsewhere the same mathematics
/// runs as a chain.
/// </remarks>
internal static class FusedRows
{
    /// <summary>The numbers of a vector; rows must be multiples of it.</summary>
    public const int Lanes = 16;

    private const int SmallestPart = 64;

    /// <summary>Processes the rows from one number up to, not including, another.</summary>
    public delegate void RowRange(int part, int first, int last);

    public static bool Applies(Tensor tensor, long width) =>
        width % Lanes == 0 && tensor.device_type == TorchSharp.DeviceType.CPU
        && tensor.dtype is ScalarType.Float32 or ScalarType.BFloat16;

    /// <summary>
    /// The number of parts that <see cref="Run"/> divides into; fixed by the number of rows and threads.
    /// </summary>
    public static int Parts(int rows) => Math.Clamp(rows / SmallestPart, 1, get_num_threads());

    public static void Run(int rows, RowRange body)
    {
        var parts = Parts(rows);
        if (parts == 1)
        {
            body(0, 0, rows);
            return;
        }

        Parallel.For(
            0, parts,
            part => body(part, (int)((long)rows * part / parts), (int)((long)rows * (part + 1) / parts)));
    }

    public static unsafe byte* Pointer(Tensor tensor) =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
}
