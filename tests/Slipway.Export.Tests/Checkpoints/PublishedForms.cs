using System.Globalization;
using System.Text;
using Slipway.Checkpoints;
using Slipway.Checkpoints.Tests.Quantized;

namespace Slipway.Export.Tests.Checkpoints;

/// <summary>
/// Forms in which bitsandbytes, AutoRound, ModelOpt and LLM Compressor publish weights, written from their definitions.
/// </summary>
internal static class PublishedForms
{
    private const string Library = """{"quant_method": "bitsandbytes", "load_in_4bit": true}""";

    private const string Eight = """
        {"quant_method": "bitsandbytes", "load_in_8bit": true, "llm_int8_threshold": 6.0, "llm_int8_skip_modules": null}
        """;

    // Modules of layer 0 are left alone, by wildcards; the caches' type is told and not imitated.
    private const string OwnFile = """
        {
            "producer": {"name": "modelopt", "version": "0.29.0"},
            "quantization": {
                "quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8", "group_size": 16,
                "exclude_modules": ["lm_head", "model.layers.0*", "*.o_proj"]
            }
        }
        """;

    private const string MixedFile = """
        {
            "producer": {"name": "modelopt", "version": "0.33.0"},
            "quantization": {
                "quant_algo": "MIXED_PRECISION", "kv_cache_quant_algo": null,
                "quantized_layers": {
                    "model.layers.0.self_attn.q_proj": {"quant_algo": "FP8"},
                    "model.layers.0.mlp.up_proj": {"quant_algo": "NVFP4", "group_size": 16}
                }
            }
        }
        """;

    public static IReadOnlyDictionary<string, QuantizedForm> All { get; } = new Dictionary<string, QuantizedForm>
    {
        ["bnb-nf4"] = new(Library, (folder, root, matrix) => Table(folder, root, matrix, "nf4", 64, nested: null)),
        ["bnb-nf4-double"] = new(Library, (folder, root, matrix) => Table(folder, root, matrix, "nf4", 64, 256)),
        ["bnb-fp4-double-128"] = new(Library, (folder, root, matrix) => Table(folder, root, matrix, "fp4", 128, 32)),
        ["bnb-fp4-32"] = new(Library, (folder, root, matrix) => Table(folder, root, matrix, "fp4", 32, nested: null)),
        ["bnb-nf4-some"] = new(
            """
            {"quant_method": "bitsandbytes", "_load_in_4bit": true, "llm_int8_skip_modules": ["lm_head", "layers.0"]}
            """,
            (folder, root, matrix) => Plain(
                folder, root, matrix, root.Contains("layers.0", StringComparison.Ordinal),
                () => Table(folder, root, matrix, "nf4", 64, 256))),
        ["bnb-int8"] = new(Eight, Int8Rows),
        ["ct-nvfp4-fused"] = new(Groups("nvfp4-pack-quantized", "tensor_group", 16), FourBits),
        ["ct-mxfp4"] = new(Groups("mxfp4-pack-quantized", "group", 32), Exponents),
        ["modelopt-excludes"] = new(
            null,
            (folder, root, matrix) => Plain(
                folder, root, matrix,
                root.Contains("layers.0", StringComparison.Ordinal)
                    || root.EndsWith("o_proj", StringComparison.Ordinal),
                () => TwoScales(folder, root, matrix)),
            OwnFile),
        ["modelopt-mixed"] = new(
            null,
            (folder, root, matrix) => Plain(
                folder, root, matrix, root.Contains("layers.2", StringComparison.Ordinal),
                () =>
                {
                    if (root.Contains("self_attn", StringComparison.Ordinal))
                    {
                        Float8(folder, root, matrix);
                    }
                    else
                    {
                        TwoScales(folder, root, matrix);
                    }
                }),
            MixedFile),
        ["auto-round-gptq"] = new(
            """
            {
                "quant_method": "auto-round", "packing_format": "auto_round:auto_gptq", "bits": 4, "group_size": 32,
                "sym": true, "data_type": "int", "autoround_version": "0.5.1",
                "extra_config": {
                    "model.layers.0.mlp.down_proj": {"bits": 8, "group_size": 16, "sym": false},
                    "model.layers.1.self_attn.k_proj": {"bits": 2},
                    "model.layers.2.mlp.up_proj": {"bits": 16, "data_type": "float"}
                }
            }
            """,
            (folder, root, matrix) => Plain(
                folder, root, matrix, root == "model.layers.2.mlp.up_proj",
                () => InputMajor(
                    folder, root, matrix, bits: root switch
                    {
                        "model.layers.0.mlp.down_proj" => 8, "model.layers.1.self_attn.k_proj" => 2, _ => 4,
                    },
                    group: root == "model.layers.0.mlp.down_proj" ? 16 : 32, isAwq: false))),
        ["auto-round-nvfp4"] = new(
            """
            {
                "quant_method": "auto-round", "bits": 4, "group_size": 16, "data_type": "nv_fp", "sym": true,
                "act_bits": 4, "act_data_type": "nv_fp4_with_static_gs"
            }
            """,
            FourBits),
        ["auto-round-awq"] = new(
            """
            {
                "quant_method": "auto-round", "packing_format": "auto_round:auto_awq", "bits": 4, "group_size": 32,
                "sym": false, "data_type": "int",
                "extra_config": {"model.layers.1.mlp.up_proj": {"bits": 16, "act_bits": 16, "data_type": "float"}}
            }
            """,
            (folder, root, matrix) => Plain(
                folder, root, matrix, root == "model.layers.1.mlp.up_proj",
                () => InputMajor(folder, root, matrix, bits: 4, group: 32, isAwq: true))),
    };

    private static string Groups(string format, string strategy, int size) => $$"""
        {
            "quant_method": "compressed-tensors", "format": "{{format}}", "ignore": ["lm_head", "re:.*embed.*"],
            "quantization_status": "compressed",
            "config_groups": {
                "group_0": {
                    "format": "{{format}}", "targets": ["Linear"],
                    "weights": {
                        "num_bits": 4, "type": "float", "strategy": "{{strategy}}", "group_size": {{size}},
                        "symmetric": true
                    },
                    "input_activations": {"num_bits": 4, "type": "float", "dynamic": true}
                }
            }
        }
        """;

    private static void Plain(
        QuantizedFolder folder, string root, StoredMatrix matrix, bool isPlain, Action quantize)
    {
        if (!isPlain)
        {
            quantize();
            return;
        }

        folder.Add($"{root}.weight", TensorType.F32, matrix.Values, matrix.Shape)
            .Expect($"{root}.weight", matrix.Values, matrix.Shape);
    }

    // The sixteen values of NF4 are quantiles of a normal distribution; those of FP4 have two bits of exponent.
    private static readonly float[] NormalFloats =
    [
        -1, -0.6961928f, -0.5250731f, -0.3949175f, -0.2844414f, -0.1847734f, -0.0910500f, 0, 0.0795803f, 0.1609302f,
        0.2461123f, 0.3379152f, 0.4407098f, 0.5626170f, 0.7229568f, 1,
    ];

    private static readonly float[] FourBitFloats =
    [
        0, 0.0052083f, 0.6666667f, 1, 0.3333333f, 0.5f, 0.1666667f, 0.25f, 0, -0.0052083f, -0.6666667f, -1, -0.3333333f,
        -0.5f, -0.1666667f, -0.25f,
    ];

    // Blocks of the whole matrix, row after row; their sizes once more in blocks, less their mean.
    private static void Table(
        QuantizedFolder folder, string root, StoredMatrix matrix, string type, int block, int? nested)
    {
        var table = type == "nf4" ? NormalFloats : FourBitFloats;
        var name = $"{root}.weight";
        float[] sizes = [.. matrix.Values.Chunk(block).Select(part => part.Max(Math.Abs))];
        var state = "";
        if (nested is { } width)
        {
            var mean = sizes.Average();
            float[] map = [.. Enumerable.Range(0, 256).Select(code => (code - 127) / 128f)];
            float[] largest = [.. sizes.Chunk(width).Select(part => part.Max(size => Math.Abs(size - mean)) + 1e-6f)];
            byte[] codes = [.. sizes.Select((size, i) => Nearest(map, (size - mean) / largest[i / width]))];
            sizes = [.. codes.Select((code, i) => (map[code] * largest[i / width]) + mean)];
            folder.Add($"{name}.absmax", TensorType.U8, codes, codes.Length)
                .Add($"{name}.nested_absmax", TensorType.F32, largest, largest.Length)
                .Add($"{name}.nested_quant_map", TensorType.F32, map, map.Length);
            state = string.Create(
                CultureInfo.InvariantCulture,
                $", \"nested_blocksize\": {width}, \"nested_dtype\": \"float32\", \"nested_offset\": {mean:R}");
        }
        else
        {
            folder.Add($"{name}.absmax", TensorType.F32, sizes, sizes.Length);
        }

        byte[] chosen = [.. matrix.Values.Select((value, i) => Nearest(table, value / sizes[i / block]))];
        byte[] pairs = [.. chosen.Chunk(2).Select(pair => (byte)((pair[0] << 4) | (pair.Length > 1 ? pair[1] : 0)))];
        var text = Encoding.UTF8.GetBytes(
            $$"""{"quant_type": "{{type}}", "blocksize": {{block}}, "dtype": "float32", """
            + $"\"shape\": [{matrix.Shape[0]}, {matrix.Shape[1]}]{state}}}");
        folder.Add(name, TensorType.U8, pairs, pairs.Length, 1)
            .Add($"{name}.quant_map", TensorType.F32, table, table.Length)
            .Add($"{name}.quant_state.bitsandbytes__{type}", TensorType.U8, text, text.Length)
            .Expect(name, [.. chosen.Select((code, i) => table[code] * sizes[i / block])], matrix.Shape);
    }

    // Whole rows in 8 bits, outlying inputs too: these are the activations' alone.
    private static void Int8Rows(QuantizedFolder folder, string root, StoredMatrix matrix)
    {
        float[] largest = [.. matrix.Values.Chunk(matrix.Columns).Select(row => row.Max(Math.Abs))];
        sbyte[] codes = [.. matrix.Values.Select((value, i) =>
            (sbyte)MathF.Round(value * 127 / largest[i / matrix.Columns]))];
        folder.Add($"{root}.weight", TensorType.I8, codes, matrix.Shape)
            .Add($"{root}.SCB", TensorType.F32, largest, largest.Length)
            .Add($"{root}.weight_format", TensorType.U8, new byte[] { 0 })
            .Expect(
                $"{root}.weight", [.. codes.Select((code, i) => code * largest[i / matrix.Columns] / 127)],
                matrix.Shape);
    }

    // The scale of the tensor divides those of blocks; matrices that are computed as one share it.
    private static void FourBits(QuantizedFolder folder, string root, StoredMatrix matrix)
    {
        var isFused = root.EndsWith("q_proj", StringComparison.Ordinal)
            || root.EndsWith("k_proj", StringComparison.Ordinal) || root.EndsWith("v_proj", StringComparison.Ordinal);
        var global = isFused ? 512f : 384f;
        var (codes, scales) = Blocks(matrix, 16, scale => QuantizedFolder.NearestFloat8(scale * global) / global);
        folder.Add(
                $"{root}.weight_packed", TensorType.U8, QuantizedFolder.Pairs(codes), matrix.Shape[0],
                matrix.Columns / 2)
            .Add(
                $"{root}.weight_scale", TensorType.F8_E4M3,
                scales.Select(scale => QuantizedFolder.Float8Code(scale * global)).ToArray(), matrix.Shape[0],
                matrix.Columns / 16)
            .Add($"{root}.weight_global_scale", TensorType.F32, new[] { global }, 1)
            .Add($"{root}.input_global_scale", TensorType.F32, new[] { 300f }, 1)
            .Expect(
                $"{root}.weight", [.. codes.Select((code, i) => QuantizedFolder.E2M1(code) * scales[i / 16])],
                matrix.Shape);
    }

    private static void TwoScales(QuantizedFolder folder, string root, StoredMatrix matrix)
    {
        var second = matrix.Values.Max(Math.Abs) / (6 * 448);
        var (codes, scales) = Blocks(matrix, 16, scale => QuantizedFolder.NearestFloat8(scale / second) * second);
        folder.Add(
                $"{root}.weight", TensorType.U8, QuantizedFolder.Pairs(codes), matrix.Shape[0], matrix.Columns / 2)
            .Add(
                $"{root}.weight_scale", TensorType.F8_E4M3,
                scales.Select(scale => QuantizedFolder.Float8Code(scale / second)).ToArray(), matrix.Shape[0],
                matrix.Columns / 16)
            .Add($"{root}.weight_scale_2", TensorType.F32, new[] { second })
            .Add($"{root}.input_scale", TensorType.F32, new[] { 0.02f })
            .Expect(
                $"{root}.weight", [.. codes.Select((code, i) => QuantizedFolder.E2M1(code) * scales[i / 16])],
                matrix.Shape);
    }

    private static void Float8(QuantizedFolder folder, string root, StoredMatrix matrix)
    {
        var scale = matrix.Values.Max(Math.Abs) / 448;
        byte[] codes = [.. matrix.Values.Select(value => QuantizedFolder.Float8Code(value / scale))];
        folder.Add($"{root}.weight", TensorType.F8_E4M3, codes, matrix.Shape)
            .Add($"{root}.weight_scale", TensorType.F32, new[] { scale })
            .Add($"{root}.input_scale", TensorType.F32, new[] { 0.5f })
            .Expect($"{root}.weight", [.. codes.Select(code => QuantizedFolder.E4M3(code) * scale)], matrix.Shape);
    }

    // Powers of two, stored as their exponents and 127.
    private static void Exponents(QuantizedFolder folder, string root, StoredMatrix matrix)
    {
        var (codes, scales) = Blocks(matrix, 32, scale => MathF.Pow(2, MathF.Ceiling(MathF.Log2(scale))));
        folder.Add(
                $"{root}.weight_packed", TensorType.U8, QuantizedFolder.Pairs(codes), matrix.Shape[0],
                matrix.Columns / 2)
            .Add(
                $"{root}.weight_scale", TensorType.U8,
                scales.Select(scale => (byte)(127 + (int)MathF.Log2(scale))).ToArray(), matrix.Shape[0],
                matrix.Columns / 32)
            .Expect(
                $"{root}.weight", [.. codes.Select((code, i) => QuantizedFolder.E2M1(code) * scales[i / 32])],
                matrix.Shape);
    }

    private static (int[] Codes, float[] Scales) Blocks(StoredMatrix matrix, int block, Func<float, float> round)
    {
        float[] floats = [.. Enumerable.Range(0, 16).Select(QuantizedFolder.E2M1)];
        float[] scales = [.. matrix.Values.Chunk(block).Select(part => round((part.Max(Math.Abs) / 6) + 1e-4f))];
        return ([.. matrix.Values.Select((value, i) => (int)Nearest(floats, value / scales[i / block]))], scales);
    }

    // Inputs after one another: codes [inputs, outputs] and, for each group of inputs, zero points and scales.
    private static void InputMajor(
        QuantizedFolder folder, string root, StoredMatrix matrix, int bits, int group, bool isAwq)
    {
        var (rows, columns) = ((int)matrix.Shape[0], matrix.Columns);
        var (groups, most) = (columns / group, (1 << bits) - 1);
        float[] scales = [.. matrix.Values.Chunk(group).Select(part =>
            ((part.Max() - part.Min()) / most) + 1e-4f)];
        int[] zeros = [.. matrix.Values.Chunk(group).Select((part, i) =>
            Math.Clamp((int)MathF.Round(-part.Min() / scales[i]), isAwq ? 0 : 1, most))];
        int[] codes = [.. matrix.Values.Select((value, i) =>
            Math.Clamp((int)MathF.Round(value / scales[i / group]) + zeros[i / group], 0, most))];
        int[] turned = QuantizedFolder.Transpose(codes, columns), points = QuantizedFolder.Transpose(zeros, groups);
        if (isAwq)
        {
            int[] order = [0, 2, 4, 6, 1, 3, 5, 7];
            int[] Pack(int[] values) => QuantizedFolder.Pack(
                values.Chunk(8).SelectMany(eight => order.Select(place => eight[place])), bits);
            folder.Add($"{root}.qweight", TensorType.I32, Pack(turned), columns, rows / 8)
                .Add($"{root}.qzeros", TensorType.I32, Pack(points), groups, rows / 8);
        }
        else
        {
            // Codes of one output stand below one another, and zero points are stored less one.
            var packed = QuantizedFolder.PackRows(codes, columns, bits);
            var height = columns * bits / 32;
            folder.Add(
                    $"{root}.qweight", TensorType.I32, QuantizedFolder.Transpose(packed, height), height, rows)
                .Add(
                    $"{root}.qzeros", TensorType.I32,
                    QuantizedFolder.PackRows([.. points.Select(zero => (zero - 1) & most)], rows, bits), groups,
                    rows * bits / 32);
        }

        folder.Add($"{root}.scales", TensorType.F32, QuantizedFolder.Transpose(scales, groups), groups, rows)
            .Expect(
                $"{root}.weight", [.. codes.Select((code, i) => (code - zeros[i / group]) * scales[i / group])],
                matrix.Shape);
    }

    private static byte Nearest(float[] table, float value) =>
        (byte)Enumerable.Range(0, table.Length).MinBy(code => Math.Abs(table[code] - value));
}
