using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Engine.Execution;
using Slipway.Engine.Execution.Providers;

namespace Slipway.Engine.Cache;

/// <summary>Takes the memory of tensors that stay between runs, where the graph reads and writes them.</summary>
/// <remarks>Belongs to the engine's thread; owned by the decoder.</remarks>
internal abstract class TensorMemory : IDisposable
{
    /// <summary>The processor's memory.</summary>
    public static TensorMemory Host { get; } = new HostMemory();

    /// <summary>Takes zeroed memory.</summary>
    /// <param name="bytes">The size.</param>
    /// <param name="isSparse">True if much of it is never touched.</param>
    /// <exception cref="OutOfMemoryException">There is none.</exception>
    public abstract TensorBuffer Allocate(long bytes, bool isSparse = false);

    public abstract void Dispose();

    /// <summary>
    /// Finds the memory of the device in which a session has all keys, values and states; the processor's where some
    /// lie elsewhere.
    /// </summary>
    public static TensorMemory Of(GraphSession opened, DecoderGraph graph)
    {
        var session = opened.Session;
        if (!opened.Choice.Provider.HasAddresses)
        {
            return Host;
        }

        using var places = session.GetMemoryInfosForInputs();
        var byName = session.InputNames.Zip(places).ToDictionary(pair => pair.First, pair => pair.Second);
        OrtMemoryInfo[] held =
        [
            .. graph.Cache.Select(tensor => byName[tensor.Past]), .. graph.States.Select(state => byName[state.Past]),
        ];
        return held is [var first, ..] && first.GetDeviceType() != OrtMemoryInfoDeviceType.CPU
            && held.All(place => place.GetDeviceType() == first.GetDeviceType() && place.Id == first.Id)
            ? new DeviceMemory(session, first, CopyTensor) : Host;
    }

    private static void CopyTensor(OrtValue source, OrtValue target)
        => OrtEnv.Instance().CopyTensors([source], [target], null);

    private sealed class HostMemory : TensorMemory
    {
        public override TensorBuffer Allocate(long bytes, bool isSparse = false)
            => new HostBuffer(new NativeBuffer(bytes, isSparse));

        public override void Dispose()
        {
        }
    }

    private sealed class HostBuffer(NativeBuffer buffer) : TensorBuffer
    {
        public override OrtValue View(TensorElementType type, long[] shape, long offset, long bytes)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + bytes, buffer.Bytes, nameof(bytes));
            return OrtValue.CreateTensorValueWithData(
                OrtMemoryInfo.DefaultInstance, type, shape, buffer.Address + (nint)offset, bytes);
        }

        public override void Read(long offset, Span<byte> destination)
            => buffer.AsSpan<byte>(offset, destination.Length).CopyTo(destination);

        public override void Write(long offset, ReadOnlySpan<byte> source)
            => source.CopyTo(buffer.AsSpan<byte>(offset, source.Length));

        public override void CopyTo(long offset, TensorBuffer target, long targetOffset, int bytes)
            => target.Write(targetOffset, buffer.AsSpan<byte>(offset, bytes));

        public override void Clear(long offset, int bytes) => buffer.AsSpan<byte>(offset, bytes).Clear();

        public override void Dispose() => buffer.Dispose();
    }
}
