using Slipway.Checkpoints;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>Names tensors to be written to safetensors.</summary>
internal static class TensorEntries
{
    /// <summary>An entry of a float32 tensor, whose bytes are read while the file is written.</summary>
    public static SafetensorsEntry Of(string name, Tensor value) => new(
        new TensorInfo(name, TensorType.F32, value.shape),
        (start, destination) => value.bytes.Slice((int)start, destination.Length).CopyTo(destination));
}
