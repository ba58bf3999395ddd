using Slipway.Onnx;
using TorchSharp;

namespace Slipway.Tracing;

/// <summary>Relates TorchSharp's types of elements to those of ONNX.</summary>
internal static class ElementTypes
{
    private static readonly Dictionary<torch.ScalarType, ElementType> Types = new()
    {
        [torch.ScalarType.Float32] = ElementType.Float32,
        [torch.ScalarType.Float64] = ElementType.Float64,
        [torch.ScalarType.Float16] = ElementType.Float16,
        [torch.ScalarType.BFloat16] = ElementType.BFloat16,
        [torch.ScalarType.Int64] = ElementType.Int64,
        [torch.ScalarType.Int32] = ElementType.Int32,
        [torch.ScalarType.Int16] = ElementType.Int16,
        [torch.ScalarType.Int8] = ElementType.Int8,
        [torch.ScalarType.Byte] = ElementType.UInt8,
        [torch.ScalarType.Bool] = ElementType.Bool,
    };

    /// <summary>The type in ONNX.</summary>
    /// <exception cref="NotSupportedException">It has none there.</exception>
    public static ElementType Of(torch.ScalarType type)
        => Types.TryGetValue(type, out var found) ? found : throw new NotSupportedException(
            $"Elements of type '{type}' have no form in ONNX here. Use real numbers, complex ones as a "
            + "last axis of 2.");

    /// <summary>The type in TorchSharp.</summary>
    public static torch.ScalarType ToTorch(ElementType type) => Types.First(pair => pair.Value == type).Key;

    /// <summary>Tells whether elements are numbers with a fraction.</summary>
    public static bool IsReal(ElementType type)
        => type is ElementType.Float32 or ElementType.Float64 or ElementType.Float16 or ElementType.BFloat16;
}
