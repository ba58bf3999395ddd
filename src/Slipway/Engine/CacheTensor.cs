using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine;

/// <summary>Names one past tensor and its present, [batch, <paramref name="Heads"/>, length, <paramref name="Size"/>].</summary>
internal sealed record CacheTensor(string Past, string Present, int Heads, int Size, TensorElementType Type)
{
    public int ElementBytes => Type == TensorElementType.Float16 ? 2 : 4;

    /// <summary>Bytes of one token of one sequence.</summary>
    public long TokenBytes => (long)Heads * Size * ElementBytes;
}
