namespace Slipway.Checkpoints.Quantized;

// MXFP4 as gpt-oss stores it: 'NAME_blocks' [..., rows, blocks, 16], of two codes in a byte the lower half first, and
// 'NAME_scales' [..., rows, blocks]. The values keep the name of the blocks, since under 'NAME' other checkpoints have
// matrices that are turned.
internal sealed class MxFp4Format : QuantizationFormat
{
    private const string BlocksSuffix = "_blocks";

    private const string ScalesSuffix = "_scales";
    private const int BlockBytes = 16;

    // The settings of checkpoints that have such tensors and do not say so.
    public static QuantizationSettings? Presume(Checkpoint checkpoint) =>
        Roots(new QuantizedParts(checkpoint)).Any() ? QuantizationSettings.Of(checkpoint.Path, "mxfp4") : null;

    public override IEnumerable<QuantizedWeight> Find(QuantizedParts parts, QuantizationSettings settings)
    {
        foreach (var root in Roots(parts).ToArray())
        {
            var blocks = parts.Take(root + BlocksSuffix, TensorType.U8);
            if (blocks.Shape.Count < 3 || blocks.Shape[^1] != BlockBytes || blocks.Count == 0)
            {
                throw parts.Bad(blocks, $"blocks of {BlockBytes} bytes");
            }

            var codes = new TensorInfo(
                blocks.Name, blocks.Type, [.. blocks.Shape.SkipLast(2), blocks.Shape[^2] * BlockBytes]);
            var scales = parts.Take(root + ScalesSuffix, TensorType.U8, TensorType.F8_E8M0);
            yield return FourBitFloatWeight.Create(parts, blocks.Name, codes, scales, factor: 1);
        }
    }

    private static IEnumerable<string> Roots(QuantizedParts parts) => parts.Roots(BlocksSuffix).Where(
        root => parts.Has(root + ScalesSuffix)
            && parts.Checkpoint.Tensors[root + BlocksSuffix].Type == TensorType.U8);
}
