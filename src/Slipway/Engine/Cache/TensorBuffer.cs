using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine.Cache;

/// <summary>Owns memory of tensors, which the program reaches by copies alone where a device has it.</summary>
/// <remarks>Offsets and sizes are bytes. Belongs to the engine's thread.</remarks>
internal abstract class TensorBuffer : IDisposable
{
    /// <summary>Wraps a part as a tensor without copying; the caller disposes the value.</summary>
    public abstract OrtValue View(TensorElementType type, long[] shape, long offset, long bytes);

    /// <summary>Copies a part to the program's memory.</summary>
    public abstract void Read(long offset, Span<byte> destination);

    /// <summary>Copies from the program's memory over a part.</summary>
    public abstract void Write(long offset, ReadOnlySpan<byte> source);

    /// <summary>Copies a part over one of a buffer of the same memory; the two do not overlap.</summary>
    public abstract void CopyTo(long offset, TensorBuffer target, long targetOffset, int bytes);

    /// <summary>Makes a part zeros.</summary>
    public abstract void Clear(long offset, int bytes);

    public abstract void Dispose();
}
