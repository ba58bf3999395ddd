using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;

namespace Slipway.Export.Tests.Weights;

/// <summary>
/// A checkpoint whose matrices are stored as GGUF's Q4_1 does: 4-bit codes, a scale and a minimum for 32 of them.
/// </summary>
internal sealed class MinimaCheckpoint : Checkpoint
{
    private const int Group = 32, MaxCode = 15;

    private readonly Checkpoint _inner;

    public MinimaCheckpoint(Checkpoint inner)
        : base(inner.Path, inner.Format)
    {
        _inner = inner;
        Tensors = inner.Tensors.Values.ToDictionary(
            tensor => tensor.Name, tensor => tensor with { Type = TensorType.F32 });
        Quantized = Tensors.Values.Where(tensor => tensor.Shape is [_, var columns] && columns % Group == 0)
            .ToDictionary(tensor => tensor.Name, tensor => new QuantizedTensorInfo(
                tensor.Name, 4, Group, (int)tensor.Shape[0], (int)tensor.Shape[1], Groups: null)
            {
                HasMinima = true,
            });
    }

    public override JsonObject Config => _inner.Config;

    public override IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    public override IReadOnlyDictionary<string, QuantizedTensorInfo> Quantized { get; }

    public override byte[]? ReadFile(string name) => _inner.ReadFile(name);

    protected override void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination)
    {
        var values = new float[tensor.Count];
        _inner.ReadFloats(tensor.Name, 0, values);
        if (Quantized.ContainsKey(tensor.Name))
        {
            for (var at = 0; at < values.Length; at += Group)
            {
                var block = values.AsSpan(at, Group);
                var (scale, minimum) = Grid(block);
                foreach (ref var value in block)
                {
                    value = (Code(value, scale, minimum) * scale) + minimum;
                }
            }
        }

        MemoryMarshal.AsBytes<float>(values).Slice((int)start, destination.Length).CopyTo(destination);
    }

    protected override void ReadQuantizedCore(
        QuantizedTensorInfo tensor, long firstRow, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
    {
        var values = new float[codes.Length];
        _inner.ReadFloats(tensor.Name, firstRow * tensor.Columns, values);
        for (var group = 0; group < scales.Length; group++)
        {
            var block = values.AsSpan(group * Group, Group);
            var (scale, minimum) = Grid(block);
            for (var i = 0; i < Group; i++)
            {
                codes[(group * Group) + i] = Code(block[i], scale, minimum);
            }

            (scales[group], zeroPoints[group]) = (scale, -minimum / scale);
        }
    }

    protected override void Dispose(bool disposing)
    {
        _inner.Dispose();
        base.Dispose(disposing);
    }

    private static (float Scale, float Minimum) Grid(ReadOnlySpan<float> block)
    {
        float low = float.PositiveInfinity, high = float.NegativeInfinity;
        foreach (var value in block)
        {
            (low, high) = (Math.Min(low, value), Math.Max(high, value));
        }

        return ((float)(Half)((high - low) / MaxCode), (float)(Half)low);
    }

    private static byte Code(float value, float scale, float minimum) =>
        (byte)Math.Clamp(MathF.Round((value - minimum) / scale), 0, MaxCode);
}
