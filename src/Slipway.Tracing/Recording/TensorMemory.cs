using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Finds out which tensors share memory, and reads their elements.</summary>
internal static class TensorMemory
{
    private static readonly Func<nint, nint> Data = typeof(torch).Assembly
        .GetType("TorchSharp.PInvoke.NativeMethods", throwOnError: true)!
        .GetMethod("THSTensor_data", BindingFlags.Static | BindingFlags.NonPublic)!
        .CreateDelegate<Func<nint, nint>>();

    /// <summary>The first byte of the memory that a tensor is stored in; 0 for one without elements.</summary>
    public static nint Storage(torch.Tensor tensor)
        => tensor.is_sparse || tensor.numel() == 0 ? 0
            : Data(tensor.Handle) - (nint)(tensor.storage_offset() * tensor.element_size());

    /// <summary>Gives memory that was freed back to the system, where the C library would keep it: glibc.</summary>
    public static unsafe void Trim()
    {
        if (OperatingSystem.IsLinux() && NativeLibrary.TryGetExport(
            NativeLibrary.GetMainProgramHandle(), "malloc_trim", out var trim))
        {
            _ = ((delegate* unmanaged<nuint, int>)trim)(0);
        }
    }

    /// <summary>The first element; the tensor must stay alive while it is used.</summary>
    public static nint Pointer(torch.Tensor tensor) => Data(tensor.Handle);

    /// <summary>Tells whether two tensors are the same elements in the same order.</summary>
    public static bool IsSameView(torch.Tensor left, torch.Tensor right)
        => left.dtype == right.dtype && left.storage_offset() == right.storage_offset()
            && left.shape.AsSpan().SequenceEqual(right.shape)
            && left.stride().AsSpan().SequenceEqual(right.stride());

    /// <summary>A tensor on the same memory that no dispose scope ends.</summary>
    public static torch.Tensor Hold(torch.Tensor tensor) => tensor.detach().DetachFromDisposeScope();

    /// <summary>A digest of the elements.</summary>
    public static string Digest(torch.Tensor tensor)
    {
        if (tensor.numel() == 0)
        {
            return "";
        }

        using var scope = torch.NewDisposeScope();
        return Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(Elements(tensor).bytes)));
    }

    /// <summary>The elements row by row in main memory; the tensor itself where it is so already.</summary>
    public static torch.Tensor Elements(torch.Tensor tensor)
    {
        var plain = tensor.detach();
        return (plain.device_type == DeviceType.CPU ? plain : plain.cpu()).contiguous();
    }
}
