using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Quantized;

// NVIDIA's ModelOpt, whose tensors show what they are: NVFP4 has 'weight_scale_2' for the tensor, MXFP4 exponents for
// scales, 8-bit floats and integers a 'weight' of that type, and AWQ's 4-bit integers stand in pairs of outputs.
// Columns that were scaled beforehand have 'pre_quant_scale'. Source: the library's unified Hugging Face checkpoints.
internal sealed class ModelOptFormat : QuantizationFormat
{
    // For blocks in both directions the library has one size.
    private const int Block = 128;

    private static readonly TensorType[] ScaleTypes = [TensorType.F32, TensorType.BF16, TensorType.F16];

    public override IEnumerable<QuantizedWeight> Find(QuantizedParts parts, QuantizationSettings settings)
    {
        foreach (var root in parts.Roots(".weight").Where(root => parts.Has(root + ".weight_scale")).ToArray())
        {
            if (Describe(parts, root) is { } weight)
            {
                if (parts.Has(root + ".svdquant_lora_a"))
                {
                    throw settings.Unsupported($"with a low-rank part ('{root}.svdquant_lora_a')");
                }

                yield return Scaled(parts, root, weight);
            }
        }

        foreach (var weight in Float8Format.Find(parts, block: null))
        {
            yield return weight;
        }
    }

    public override string? ActivationKey(QuantizationSettings settings)
    {
        var groups = settings.Section("config_groups") ?? [];
        return groups.Any(group => (group.Value as JsonObject)?["input_activations"] is JsonObject)
            ? "input_activations"
            : settings.Text("kv_cache_quant_algo") is not null ? "kv_cache_quant_algo"
            : settings.Section("kv_cache_scheme") is not null ? "kv_cache_scheme"
            : null;
    }

    private static QuantizedWeight? Describe(QuantizedParts parts, string root)
    {
        var (name, scaleName) = (root + ".weight", root + ".weight_scale");
        var codes = parts.Checkpoint.Tensors[name];
        if (codes.Shape.Count < 2 || codes.Count == 0)
        {
            return null;
        }

        switch (codes.Type)
        {
            case TensorType.F8_E4M3:
                var scales = parts.Take(scaleName, [.. ScaleTypes, TensorType.U8, TensorType.F8_E8M0]);
                var areBlocks = scales.Shape.Count(size => size > 1) == 2 && scales.Shape[0] != codes.Shape[0];
                return new Float8Weight(
                    parts, codes, new ScaleGrid(parts, scales, codes.Shape, areBlocks ? (Block, Block) : null));
            case TensorType.I8:
                return new Int8Weight(
                    parts, codes, new ScaleGrid(parts, parts.Take(scaleName, ScaleTypes), codes.Shape, null));
            case TensorType.U8 when parts.Has(root + ".weight_scale_2")
                || parts.Checkpoint.Tensors[scaleName].Type is TensorType.U8 or TensorType.F8_E8M0:
                var global = parts.TakeIfThere(root + ".weight_scale_2", ScaleTypes);
                return FourBitFloatWeight.Create(
                    parts, name, parts.Take(name, TensorType.U8),
                    parts.Take(scaleName, TensorType.F8_E4M3, TensorType.F8_E8M0, TensorType.U8),
                    global is null ? 1 : parts.Number(global));
            case TensorType.U8:
                return new PairedRowsWeight(
                    parts, parts.Take(name, TensorType.U8), parts.Take(scaleName, ScaleTypes));
            default:
                return null;
        }
    }

    private static QuantizedWeight Scaled(QuantizedParts parts, string root, QuantizedWeight weight)
    {
        if (parts.TakeIfThere(root + ".pre_quant_scale", ScaleTypes) is not { } tensor)
        {
            return weight;
        }

        parts.RequireShape(tensor, weight.Columns);
        var factors = new float[weight.Columns];
        parts.Checkpoint.ReadFloats(tensor.Name, 0, factors);
        parts.RequireFinite(tensor, factors);
        return new ColumnScaledWeight(weight, factors);
    }
}

// Signed integers of 4 bits, of two outputs in a byte the first one lower: [rows / 2, columns].
internal sealed class PairedRowsWeight : GroupedWeight
{
    private const int Bits = 4;
    private const byte Middle = 8;

    private readonly QuantizedParts _parts;
    private readonly ScaleGrid _scales;

    public PairedRowsWeight(QuantizedParts parts, TensorInfo codes, TensorInfo scales)
        : this(parts, codes, [.. codes.Shape.SkipLast(2), codes.Shape[^2] * 2, codes.Shape[^1]], scales)
    {
    }

    private PairedRowsWeight(QuantizedParts parts, TensorInfo codes, long[] shape, TensorInfo scales)
        : this(parts, codes, new TensorInfo(codes.Name, TensorType.F32, shape),
            new ScaleGrid(parts, scales, shape, block: null))
    {
    }

    private PairedRowsWeight(QuantizedParts parts, TensorInfo codes, TensorInfo info, ScaleGrid scales)
        : base(info, Describe(parts, codes, info, scales)) => (_parts, _scales) = (parts, scales);

    public override void ReadCodes(long firstRow, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints)
    {
        for (var row = 0; row < codes.Length / Columns; row++)
        {
            var target = codes.Slice(row * Columns, Columns);
            _parts.Checkpoint.ReadBytes(Info.Name, (firstRow + row) / 2 * Columns, target);
            var shift = (int)((firstRow + row) % 2) * Bits;
            foreach (ref var code in target)
            {
                code = (byte)(((code >> shift) & 15) ^ Middle);
            }
        }

        _scales.Read(firstRow, codes.Length / Columns, scales);
        zeroPoints.Fill(Middle);
    }

    private static QuantizedTensorInfo Describe(
        QuantizedParts parts, TensorInfo codes, TensorInfo info, ScaleGrid scales)
    {
        var (rows, columns) = parts.Sizes(codes, info.Count / Math.Max(info.Shape[^1], 1), info.Shape[^1]);
        return new QuantizedTensorInfo(info.Name, Bits, scales.BlockColumns, rows, columns, Groups: null);
    }
}
