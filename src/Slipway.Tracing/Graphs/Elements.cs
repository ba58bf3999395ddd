using System.Runtime.InteropServices;
using Slipway.Onnx;

namespace Slipway.Tracing.Graphs;

/// <summary>Writes numbers as the bytes of elements.</summary>
internal static class Elements
{
    /// <summary>The bytes of one element.</summary>
    public static byte[] Bytes(double value, ElementType type) => type switch
    {
        ElementType.Float32 => Of((float)value),
        ElementType.Float64 => Of(value),
        ElementType.Float16 => Of((Half)value),
        ElementType.BFloat16 => Of((ushort)(Round(BitConverter.SingleToUInt32Bits((float)value)) >> 16)),
        ElementType.Int64 => Of(ToInt64(value)),
        ElementType.Int32 => Of((int)Math.Clamp(ToInt64(value), int.MinValue, int.MaxValue)),
        ElementType.Int16 => Of((short)ToInt64(value)),
        ElementType.Int8 => Of((sbyte)ToInt64(value)),
        ElementType.UInt8 => Of((byte)ToInt64(value)),
        ElementType.Bool => Of((byte)(value != 0 ? 1 : 0)),
        _ => throw new NotSupportedException($"A constant of type '{type}' cannot be written."),
    };

    private static long ToInt64(double value)
        => value >= long.MaxValue ? long.MaxValue : value <= long.MinValue ? long.MinValue : (long)value;

    private static uint Round(uint bits) => float.IsNaN(BitConverter.UInt32BitsToSingle(bits))
        ? bits : bits + 0x7FFF + ((bits >> 16) & 1);

    private static byte[] Of<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes([value]).ToArray();
}
