namespace Slipway.Checkpoints.Quantized;

// 8-bit floats with 'NAME_scale_inv' for blocks of 128 by 128 (DeepSeek, Qwen), or 'NAME_scale' for the tensor or each
// row. Both multiply. Source: DeepSeek-V3 (arXiv 2412.19437), and what transformers and FBGEMM write.
internal sealed class Float8Format : QuantizationFormat
{
    private static readonly string[] Suffixes = ["_scale_inv", "_scale"];

    private static readonly TensorType[] ScaleTypes =
        [TensorType.F32, TensorType.BF16, TensorType.F16, TensorType.F8_E8M0, TensorType.U8];

    public override IEnumerable<QuantizedWeight> Find(QuantizedParts parts, QuantizationSettings settings) =>
        Find(parts, settings.Pair("weight_block_size"));

    public override string? ActivationKey(QuantizationSettings settings) =>
        settings.Text("activation_scheme") is not null ? "activation_scheme"
        : settings.OptionalWhole("activation_scale_ub") is not null ? "activation_scale_ub"
        : null;

    // All weights of 8-bit floats, each of which needs its scale.
    public static IEnumerable<QuantizedWeight> Find(QuantizedParts parts, (int Rows, int Columns)? block)
    {
        foreach (var codes in parts.Matrices(TensorType.F8_E4M3, TensorType.F8_E5M2).ToArray())
        {
            if (!parts.IsTaken(codes.Name) && !Suffixes.Any(
                suffix => codes.Name.EndsWith(suffix, StringComparison.Ordinal)))
            {
                var name = codes.Name + (Suffixes.FirstOrDefault(suffix => parts.Has(codes.Name + suffix))
                    ?? Suffixes[block is null ? 1 : 0]);
                yield return new Float8Weight(
                    parts, codes, new ScaleGrid(parts, parts.Take(name, ScaleTypes), codes.Shape, block));
            }
        }
    }
}
