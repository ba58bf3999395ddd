using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine.Cache;

/// <summary>Takes memory of the device on which a session computes, from the session's own allocator.</summary>
/// <remarks>
/// Nothing here reads or writes the memory by its address: ONNX Runtime copies, and has ended when a call returns.
/// Addresses within a buffer must be a device's addresses too, as CUDA's are and DirectML's are not.
/// Source: ONNX Runtime, C API, <c>CreateAllocator</c> and <c>CopyTensors</c>.
/// </remarks>
/// <param name="session">The session; it stays the caller's.</param>
/// <param name="place">The memory.</param>
/// <param name="copy">Copies a tensor over another of its size, either on the device or the processor's.</param>
internal sealed class DeviceMemory(InferenceSession session, OrtMemoryInfo place, Action<OrtValue, OrtValue> copy)
    : TensorMemory
{
    private const int ZeroBytes = 1 << 16;
    private static readonly byte[] Zeros = new byte[ZeroBytes];
    private readonly OrtAllocator _allocator = new(session, place);

    public override TensorBuffer Allocate(long bytes, bool isSparse = false)
    {
        if (bytes > uint.MaxValue)
        {
            throw new InsufficientMemoryException(
                $"Keys or values of a layer take '{bytes}' bytes, and ONNX Runtime gives a device's memory out in "
                + $"pieces of up to '{uint.MaxValue}'. Set a smaller KeyValueCacheBytes or MaxBatchSize.");
        }

        DeviceBuffer buffer;
        try
        {
            buffer = new DeviceBuffer(_allocator.Allocate((uint)bytes), bytes, copy);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new InsufficientMemoryException($"The device has no '{bytes}' bytes of memory.", exception);
        }

        try
        {
            buffer.ClearAll();
            return buffer;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    public override void Dispose() => _allocator.Dispose();

    private sealed class DeviceBuffer(OrtMemoryAllocation memory, long size, Action<OrtValue, OrtValue> copy)
        : TensorBuffer
    {
        public override OrtValue View(TensorElementType type, long[] shape, long offset, long bytes)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(offset);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + bytes, size, nameof(bytes));
            return OrtValue.CreateTensorValueWithData(
                memory.Info, type, shape, memory.DangerousGetHandle() + (nint)offset, bytes);
        }

        public override unsafe void Read(long offset, Span<byte> destination)
        {
            if (destination.Length == 0)
            {
                return;
            }

            fixed (byte* address = destination)
            {
                using var source = Bytes(offset, destination.Length);
                using var target = OfProgram(address, destination.Length);
                copy(source, target);
            }
        }

        public override unsafe void Write(long offset, ReadOnlySpan<byte> source)
        {
            if (source.Length == 0)
            {
                return;
            }

            fixed (byte* address = source)
            {
                using var from = OfProgram(address, source.Length);
                using var target = Bytes(offset, source.Length);
                copy(from, target);
            }
        }

        public override void CopyTo(long offset, TensorBuffer target, long targetOffset, int bytes)
            => CopyLong(offset, (DeviceBuffer)target, targetOffset, bytes);

        public override void Clear(long offset, int bytes)
        {
            for (var done = 0; done < bytes; done += ZeroBytes)
            {
                Write(offset + done, Zeros.AsSpan(0, Math.Min(ZeroBytes, bytes - done)));
            }
        }

        // The zeros at the beginning are copied on, each time as many as there are by then.
        public void ClearAll()
        {
            var done = Math.Min(ZeroBytes, size);
            Clear(0, (int)done);
            while (done < size)
            {
                var bytes = Math.Min(done, size - done);
                CopyLong(0, this, done, bytes);
                done += bytes;
            }
        }

        public override void Dispose() => memory.Dispose();

        private void CopyLong(long offset, DeviceBuffer target, long targetOffset, long bytes)
        {
            if (bytes == 0)
            {
                return;
            }

            using var source = Bytes(offset, bytes);
            using var destination = target.Bytes(targetOffset, bytes);
            copy(source, destination);
        }

        private OrtValue Bytes(long offset, long bytes) => View(TensorElementType.UInt8, [bytes], offset, bytes);

        private static unsafe OrtValue OfProgram(byte* address, int bytes) => OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, TensorElementType.UInt8, [bytes], (nint)address, bytes);
    }
}
