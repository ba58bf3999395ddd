using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Files;

// A checkpoint over another, which it owns: some tensors are computed when they are read, as float32; the rest are the
// other's.
internal abstract class OverlayCheckpoint : Checkpoint
{
    private const int ChunkFloats = 1 << 16;

    protected OverlayCheckpoint(Checkpoint inner)
        : base(inner.Path, inner.Format) => Inner = inner;

    public override JsonObject Config => Inner.Config;

    public override IReadOnlyList<string> Warnings => Inner.Warnings;

    public override string? Quantization => Inner.Quantization;

    protected Checkpoint Inner { get; }

    public override bool IsQuantized(string name) => Inner.IsQuantized(name);

    public override string TokenizerFolder => Inner.TokenizerFolder;

    public override byte[]? ReadFile(string name) => Inner.ReadFile(name);

    protected abstract bool IsComputed(string name);

    // Computes a checked range of a tensor's elements.
    protected abstract void Compute(TensorInfo tensor, long start, Span<float> destination);

    protected override void ReadFloatsCore(TensorInfo tensor, long start, Span<float> destination)
    {
        if (IsComputed(tensor.Name))
        {
            Compute(tensor, start, destination);
        }
        else
        {
            Inner.ReadFloats(tensor.Name, start, destination);
        }
    }

    protected override void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination)
    {
        if (!IsComputed(tensor.Name))
        {
            Inner.ReadBytes(tensor.Name, start, destination);
            return;
        }

        var buffer = ArrayPool<float>.Shared.Rent(ChunkFloats);
        try
        {
            while (destination.Length > 0)
            {
                var (first, skipped) = Math.DivRem(start, sizeof(float));
                var count = (int)Math.Min(
                    ChunkFloats, (skipped + destination.Length + sizeof(float) - 1) / sizeof(float));
                Compute(tensor, first, buffer.AsSpan(0, count));
                var bytes = MemoryMarshal.AsBytes(buffer.AsSpan(0, count))[(int)skipped..];
                bytes = bytes[..Math.Min(bytes.Length, destination.Length)];
                bytes.CopyTo(destination);
                start += bytes.Length;
                destination = destination[bytes.Length..];
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }

    protected override void ReadQuantizedCore(
        QuantizedTensorInfo tensor, long firstRow, Span<byte> codes, Span<float> scales, Span<float> zeroPoints) =>
        Inner.ReadQuantized(tensor.Name, firstRow, codes, scales, zeroPoints);

    protected override void Dispose(bool disposing)
    {
        Inner.Dispose();
        base.Dispose(disposing);
    }
}
