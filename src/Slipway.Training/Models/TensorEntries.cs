using Slipway.Checkpoints;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>Names tensors to be written to safetensors.</summary>
internal static class TensorEntries
{
    /// <summary>An entry of a tensor of float32, float16 or bfloat16, whose bytes are read while the file is
    /// written.</summary>
    public static SafetensorsEntry Of(string name, Tensor value) => new(
        new TensorInfo(name, TypeOf(value.dtype), value.shape),
        (start, destination) => value.bytes.Slice((int)start, destination.Length).CopyTo(destination));

    private static TensorType TypeOf(ScalarType type) => type switch
    {
        ScalarType.BFloat16 => TensorType.BF16,
        ScalarType.Float16 => TensorType.F16,
        _ => TensorType.F32,
    };
}
