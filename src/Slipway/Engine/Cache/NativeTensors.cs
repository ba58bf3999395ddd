using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine.Cache;

/// <summary>Shows native memory to ONNX Runtime as tensors.</summary>
internal static class NativeTensors
{
    /// <summary>Wraps a buffer's beginning as a tensor without copying; the caller disposes the value.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="type">Integers of 64 bits, or numbers of 16 or 32.</param>
    /// <param name="shape">The tensor's shape.</param>
    public static OrtValue ToValue(this NativeBuffer buffer, TensorElementType type, long[] shape)
    {
        var bytes = TensorPrimitives.Product<long>(shape) * type switch
        {
            TensorElementType.Int64 => sizeof(long),
            TensorElementType.Float16 => sizeof(short),
            _ => sizeof(float),
        };
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, buffer.Bytes, nameof(shape));
        return OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, type, shape, buffer.Address, bytes);
    }
}
