using Slipway.Training.Autograd;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

/// <summary>Holds a matrix as codes of 4 bits with a scale for each block of 64 elements, for QLoRA.</summary>
/// <remarks>
/// <code>
/// weight = table[code] · largest magnitude of its block
/// </code>
/// Blocks run over rows, as bitsandbytes has them; two codes share a byte, the first in its upper half. Source: QLoRA
/// (Dettmers and others, 2023).
/// </remarks>
internal sealed class FrozenWeight : IDisposable
{
    public const int BlockSize = 64;

    private readonly Tensor _codes;
    private readonly Tensor _scales;
    private readonly float[] _table;
    private readonly long[] _shape;

    private FrozenWeight(Tensor codes, Tensor scales, float[] table, long[] shape) =>
        (_codes, _scales, _table, _shape) = (codes, scales, table, shape);

    /// <summary>Bytes of codes and scales.</summary>
    public long Bytes => _codes.numel() + (sizeof(float) * _scales.numel());

    /// <summary>The codes: uint8 [elements / 2, rounded up].</summary>
    public Tensor Codes => _codes;

    /// <summary>The blocks' largest magnitudes: float32 [blocks].</summary>
    public Tensor Scales => _scales;

    /// <summary>Rounds a matrix to the nearest values of a table.</summary>
    /// <param name="weight">float32, contiguous.</param>
    /// <param name="table">16 values in ascending order.</param>
    public static unsafe FrozenWeight Quantize(Tensor weight, float[] table)
    {
        var count = weight.numel();
        var blocks = (int)((count + BlockSize - 1) / BlockSize);
        var codes = zeros((count + 1) / 2, ScalarType.Byte).DetachFromDisposeScope();
        var scales = zeros(blocks).DetachFromDisposeScope();
        float* source = (float*)FusedRows.Pointer(weight), factors = (float*)FusedRows.Pointer(scales);
        var target = FusedRows.Pointer(codes);
        var limits = table.Zip(table.Skip(1), (low, high) => (low + high) / 2).ToArray();
        FusedRows.Run(blocks, (_, first, last) =>
        {
            for (var block = first; block < last; block++)
            {
                var (start, end) = ((long)block * BlockSize, Math.Min(((long)block + 1) * BlockSize, count));
                var largest = 0f;
                for (var index = start; index < end; index++)
                {
                    largest = Math.Max(largest, Math.Abs(source[index]));
                }

                factors[block] = largest;
                for (var index = start; index < end; index++)
                {
                    var value = largest > 0 ? source[index] / largest : 0;
                    var code = 0;
                    while (code < limits.Length && value > limits[code])
                    {
                        code++;
                    }

                    target[index / 2] |= (byte)(index % 2 == 0 ? code << 4 : code);
                }
            }
        });
        return new FrozenWeight(codes, scales, table, weight.shape);
    }

    /// <summary>Computes the matrix: float32, as it was quantized.</summary>
    public unsafe Tensor Dequantize()
    {
        var result = empty(_shape);
        var source = FusedRows.Pointer(_codes);
        float* factors = (float*)FusedRows.Pointer(_scales), target = (float*)FusedRows.Pointer(result);
        var count = result.numel();
        FusedRows.Run((int)_scales.numel(), (_, first, last) =>
        {
            fixed (float* table = _table)
            {
                for (var block = first; block < last; block++)
                {
                    var (start, end) = ((long)block * BlockSize, Math.Min(((long)block + 1) * BlockSize, count));
                    var factor = factors[block];
                    for (var index = start; index < end; index++)
                    {
                        var pair = source[index / 2];
                        target[index] = table[index % 2 == 0 ? pair >> 4 : pair & 15] * factor;
                    }
                }
            }
        });
        return result;
    }

    public void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
    }
}
