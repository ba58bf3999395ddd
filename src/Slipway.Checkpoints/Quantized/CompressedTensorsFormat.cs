using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Quantized;

// The compressed-tensors library (LLM Compressor): 'weight_packed' holds integers in 32-bit numbers or 4-bit floats in
// bytes; a 'weight' of 8 bits stands for itself. Which modules are quantized shows in their tensors; the settings say
// with how many bits and in which blocks, by groups of modules. Source: the library's own compressors.
internal sealed class CompressedTensorsFormat : QuantizationFormat
{
    private static readonly string[] Formats =
    [
        "dense", "fakequant", "mixed-precision", "pack-quantized", "int-quantized", "float-quantized",
        "naive-quantized", "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized",
    ];

    private static readonly string[] Strategies = ["tensor", "channel", "group", "tensor_group", "block"];

    public override IEnumerable<QuantizedWeight> Find(QuantizedParts parts, QuantizationSettings settings)
    {
        Check(settings);
        foreach (var root in parts.Roots(".weight_packed").ToArray())
        {
            yield return parts.Checkpoint.Tensors[root + ".weight_packed"].Type == TensorType.U8
                ? FourBitFloats(parts, root)
                : Packed(parts, settings, root);
        }

        foreach (var root in parts.Roots(".weight").Where(root => IsNarrow(parts, root)).ToArray())
        {
            yield return EightBits(parts, settings, root);
        }
    }

    public override string? ActivationKey(QuantizationSettings settings)
    {
        foreach (var (_, group) in settings.Section("config_groups") ?? [])
        {
            foreach (var key in (string[])["input_activations", "output_activations"])
            {
                if (group is JsonObject scheme && scheme[key] is JsonObject)
                {
                    return key;
                }
            }
        }

        return settings.Section("kv_cache_scheme") is null ? null : "kv_cache_scheme";
    }

    // 4-bit floats: NVFP4 where a scale for the whole tensor divides those of blocks, else MXFP4.
    public static QuantizedWeight FourBitFloats(QuantizedParts parts, string root)
    {
        var codes = parts.Take(root + ".weight_packed", TensorType.U8);
        var scales = parts.Take(
            root + ".weight_scale", TensorType.F8_E4M3, TensorType.F8_E8M0, TensorType.U8, TensorType.BF16,
            TensorType.F16, TensorType.F32);
        var global = parts.TakeIfThere(root + ".weight_global_scale", ScaleTypes);
        return FourBitFloatWeight.Create(
            parts, root + ".weight", codes, scales,
            global is null ? 1 : 1 / NotZero(parts, global));
    }

    private static readonly TensorType[] ScaleTypes = [TensorType.F32, TensorType.BF16, TensorType.F16];

    private static double NotZero(QuantizedParts parts, TensorInfo tensor) => parts.Number(tensor) is var number
        && number != 0 ? number : throw parts.Bad(tensor, "a number other than 0, which scales are divided by");

    private static PackedRowsWeight Packed(QuantizedParts parts, QuantizationSettings settings, string root)
    {
        var codes = parts.Take(root + ".weight_packed", TensorType.I32, TensorType.U32);
        if (codes.Shape.Count < 2)
        {
            throw parts.Bad(codes, "two dimensions");
        }

        // Of groups that name classes, the first whose codes have the size of these.
        var stated = StatedShape(parts, root, codes);
        Scheme[] schemes = [.. Schemes(settings, root)];
        var scheme = schemes.FirstOrDefault(scheme => stated is null || scheme.Bits is not { } bits
            || new PackedCodes(bits).Numbers(stated[^1]) == codes.Shape[^1]) ?? schemes.FirstOrDefault();
        var bits = scheme?.Bits ?? (int)Math.Clamp(stated is null ? 4 : codes.Shape[^1] * 32 / stated[^1], 1, 8);
        return new PackedRowsWeight(
            parts, root, codes, stated ?? [.. codes.Shape.SkipLast(1), codes.Shape[^1] * 32 / bits], bits,
            scheme?.Block);
    }

    private static QuantizedWeight EightBits(QuantizedParts parts, QuantizationSettings settings, string root)
    {
        var codes = parts.Checkpoint.Tensors[root + ".weight"];
        var scales = parts.Take(
            root + ".weight_scale", TensorType.F32, TensorType.BF16, TensorType.F16, TensorType.U8,
            TensorType.F8_E8M0, TensorType.F8_E4M3);
        if (codes.Shape.Count < 2)
        {
            throw parts.Bad(codes, "two dimensions");
        }

        ScaleGrid grid = new(parts, scales, codes.Shape, Schemes(settings, root).FirstOrDefault()?.Block);
        return codes.Type == TensorType.I8
            ? new Int8Weight(parts, codes, grid, root + ".weight_zero_point", root + ".weight_g_idx")
            : new Float8Weight(parts, codes, grid);
    }

    private static bool IsNarrow(QuantizedParts parts, string root) => parts.Checkpoint.Tensors[root + ".weight"].Type
        is TensorType.I8 or TensorType.F8_E4M3 or TensorType.F8_E5M2;

    // The shape before packing, whose rows are those of the codes; null where it is not stated.
    private static long[]? StatedShape(QuantizedParts parts, string root, TensorInfo codes)
    {
        if (parts.TakeIfThere(root + ".weight_shape", TensorType.I64, TensorType.I32) is not { } tensor)
        {
            return null;
        }

        parts.RequireShape(tensor, codes.Shape.Count);
        var sizes = new float[codes.Shape.Count];
        parts.Checkpoint.ReadFloats(tensor.Name, 0, sizes);
        long[] shape = [.. sizes.Select(size => (long)size)];
        return shape.SkipLast(1).SequenceEqual(codes.Shape.SkipLast(1)) && shape[^1] is >= 1 and <= int.MaxValue
            ? shape
            : throw parts.Bad(
                codes, $"the rows that '{tensor.Name}' states, which is {TensorInfo.FormatShape(shape)}");
    }

    private static void Check(QuantizationSettings settings)
    {
        foreach (var (_, group) in settings.Section("config_groups") ?? [])
        {
            if ((group as JsonObject)?["format"] is JsonValue own && own.GetValueKind() == JsonValueKind.String)
            {
                CheckFormat(settings, own.GetValue<string>());
            }
        }

        CheckFormat(settings, settings.Text("format") ?? "dense");
        if (settings.Section("sparsity_config")?["format"] is JsonValue sparse
            && sparse.GetValueKind() == JsonValueKind.String)
        {
            CheckFormat(settings, sparse.GetValue<string>());
        }

        if (settings.Section("transform_config")?["config_groups"] is JsonObject { Count: > 0 })
        {
            throw settings.Unsupported("with rotations ('transform_config')");
        }
    }

    private static void CheckFormat(QuantizationSettings settings, string format)
    {
        if (!Formats.Contains(format))
        {
            throw settings.Unsupported($"in the format '{format}'");
        }
    }

    // What groups say of a module's weights. A module's name comes before a pattern, and a pattern before the name of a
    // class, of which tensors tell nothing.
    private static IEnumerable<Scheme> Schemes(QuantizationSettings settings, string module) =>
        (settings.Section("config_groups") ?? []).Select(pair => pair.Value as JsonObject)
            .Select(group => (
                Weights: group?["weights"] as JsonObject,
                Rank: (group?["targets"] as JsonArray ?? []).Max(target => (int?)Rank(settings, Text(target), module))))
            .Where(group => group is { Weights: not null, Rank: > 0 })
            .OrderByDescending(group => group.Rank)
            .Select(group => Read(settings, group.Weights!, module));

    private static int Rank(QuantizationSettings settings, string target, string module) =>
        target == module ? 3
        : target.StartsWith("re:", StringComparison.Ordinal)
            ? (settings.Fits("config_groups", target[3..], module) ? 2 : 0)
        : target.Contains('.') ? 0
        : 1;

    private static Scheme Read(QuantizationSettings settings, JsonObject weights, string module)
    {
        if (Text(weights["strategy"]) is { Length: > 0 } strategy && !Strategies.Contains(strategy))
        {
            throw settings.Unsupported($"by the strategy '{strategy}'");
        }

        var bits = Number(weights["num_bits"]);
        return bits is < 1 or > 8
            ? throw settings.Unsupported($"with {bits} bits in '{module}'")
            : new Scheme(bits, settings.Pair(weights, "block_structure")
                ?? (Number(weights["group_size"]) is { } size and > 0 ? (1, size) : null));
    }

    private static string Text(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : "";

    private static int? Number(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<int>(out var number) ? number : null;

    // How a group's weights are quantized.
    private sealed record Scheme(int? Bits, (int Rows, int Columns)? Block);
}
