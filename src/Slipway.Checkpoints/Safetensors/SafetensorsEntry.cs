using System.Buffers;
using System.Runtime.InteropServices;
using Slipway.Checkpoints.Decoding;

namespace Slipway.Checkpoints;

/// <summary>Fills a range of a tensor's stored bytes.</summary>
/// <param name="start">The first byte, counted over the whole tensor.</param>
/// <param name="destination">Takes the bytes.</param>
public delegate void FillBytes(long start, Span<byte> destination);

/// <summary>Fills a range of a tensor's elements.</summary>
/// <param name="start">The first element, counted row-major over the whole tensor.</param>
/// <param name="destination">Takes the elements.</param>
public delegate void FillFloats(long start, Span<float> destination);

/// <summary>Names a tensor to write and where its bytes come from.</summary>
/// <remarks>The bytes are asked for range by range, in order, while the file is written.</remarks>
public sealed class SafetensorsEntry
{
    /// <summary>Creates an entry whose bytes a callback provides.</summary>
    /// <param name="info">The name, a plain type and the shape.</param>
    /// <param name="fill">Called for consecutive ranges that begin and end at whole elements.</param>
    /// <exception cref="ArgumentException">The type is a block type, which safetensors cannot hold.</exception>
    public SafetensorsEntry(TensorInfo info, FillBytes fill)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(fill);
        if (info.Type.BlockSize() != 1)
        {
            throw new ArgumentException(
                $"Tensor '{info.Name}' has the type '{info.Type}', which safetensors cannot hold. Pass a plain type.",
                nameof(info));
        }

        Info = info;
        Fill = fill;
    }

    /// <summary>Gets the tensor's name, type and shape.</summary>
    public TensorInfo Info { get; }

    internal FillBytes Fill { get; }

    /// <summary>Creates an entry of 32-bit floats.</summary>
    public static SafetensorsEntry From(string name, float[] values, params long[] shape) =>
        From<float>(name, TensorType.F32, values, shape);

    /// <summary>Creates an entry of 64-bit integers.</summary>
    public static SafetensorsEntry From(string name, long[] values, params long[] shape) =>
        From<long>(name, TensorType.I64, values, shape);

    /// <summary>Creates an entry of 32-bit integers.</summary>
    public static SafetensorsEntry From(string name, int[] values, params long[] shape) =>
        From<int>(name, TensorType.I32, values, shape);

    /// <summary>Creates an entry of bytes.</summary>
    public static SafetensorsEntry From(string name, byte[] values, params long[] shape) =>
        From<byte>(name, TensorType.U8, values, shape);

    /// <summary>Creates an entry whose elements a callback provides as float32.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="type">F32, F16 or BF16; the latter two round to nearest, ties to even.</param>
    /// <param name="shape">The dimensions, outermost first.</param>
    /// <param name="fill">Called for consecutive ranges.</param>
    public static SafetensorsEntry FromFloats(
        string name, TensorType type, IReadOnlyList<long> shape, FillFloats fill)
    {
        ArgumentNullException.ThrowIfNull(fill);
        if (type is not (TensorType.F32 or TensorType.F16 or TensorType.BF16))
        {
            throw new ArgumentException(
                $"Tensor '{name}' cannot be stored as '{type}' from floats. Pass F32, F16 or BF16.", nameof(type));
        }

        var info = new TensorInfo(name, type, shape);
        return new SafetensorsEntry(info, type == TensorType.F32
            ? (start, destination) => fill(start / sizeof(float), MemoryMarshal.Cast<byte, float>(destination))
            : (start, destination) => FillHalves(type, fill, start, destination));
    }

    private static SafetensorsEntry From<T>(string name, TensorType type, T[] values, long[] shape)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(values);
        var info = new TensorInfo(name, type, [.. shape]);
        if (info.Count != values.Length)
        {
            throw new ArgumentException(
                $"Tensor '{name}' of shape {TensorInfo.FormatShape(shape)} takes {info.Count} values, not " +
                $"{values.Length}.", nameof(values));
        }

        return new SafetensorsEntry(info, (start, destination) =>
            MemoryMarshal.AsBytes(values.AsSpan()).Slice((int)start, destination.Length).CopyTo(destination));
    }

    private static void FillHalves(TensorType type, FillFloats fill, long start, Span<byte> destination)
    {
        var count = destination.Length / sizeof(ushort);
        var buffer = ArrayPool<float>.Shared.Rent(count);
        try
        {
            var floats = buffer.AsSpan(0, count);
            fill(start / sizeof(ushort), floats);
            HalfEncoders.Encode(type, floats, MemoryMarshal.Cast<byte, ushort>(destination));
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }
}
