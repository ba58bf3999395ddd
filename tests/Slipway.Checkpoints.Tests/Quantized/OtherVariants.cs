using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Tests.Quantized;

// The layouts of fine-grained FP8, ModelOpt and bitsandbytes.
internal static class OtherVariants
{
    public static IReadOnlyDictionary<string, Func<QuantizedFolder>> All { get; } =
        new Dictionary<string, Func<QuantizedFolder>>
        {
            ["fp8-blocks"] = () => Float8("_scale_inv", [11, 26], [3, 4], (4, 8)),
            ["fp8-blocks-of-experts"] = () =>
                Float8("_scale_inv", [3, 6, 16], [3, 2, 2], (4, 8), "a.experts.gate_up_proj"),
            ["fp8-exponents"] = Exponents,
            ["fp8-tensor"] = () => Float8("_scale", [6, 24], [], null),
            ["fp8-rows"] = () => Float8("_scale", [6, 24], [6, 1], null),
            ["modelopt-fp8"] = () => ModelOptFloat8([], 6, 24),
            ["modelopt-fp8-rows"] = () => ModelOptFloat8([6], 6, 24),
            ["modelopt-fp8-blocks"] = () => ModelOptFloat8([2, 1, 3, 1], 200, 300),
            ["modelopt-nvfp4"] = () => NvFp4(preScaled: false),
            ["modelopt-nvfp4-pre-scaled"] = () => NvFp4(preScaled: true),
            ["modelopt-int4-awq"] = Int4Pairs,
            ["modelopt-int8"] = ModelOptInt8,
            ["bnb-nf4"] = () => Table("nf4", "float32", [6, 20], 64, isNested: false),
            ["bnb-fp4-half"] = () => Table("fp4", "float16", [6, 20], 64, isNested: false),
            ["bnb-nf4-nested-odd"] = () => Table("nf4", "bfloat16", [7, 45], 64, isNested: true),
            ["bnb-fp4-nested"] = () => Table("fp4", "float32", [9, 64], 32, isNested: true),
            ["bnb-nf4-stored-as-bfloat16"] = () => Table("nf4", "float32", [8, 32], 64, false, TensorType.BF16),
            ["bnb-int8"] = BitsAndBytesInt8,
        };

    private static QuantizedFolder Float8(
        string suffix, long[] shape, long[] scaleShape, (int Rows, int Columns)? block, string name = "a.q_proj.weight")
    {
        var folder = QuantizedFolder.WithConfig(block is var (height, width)
            ? $$"""
                {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [{{height}}, {{width}}]}
                """
            : """{"quant_method": "fp8", "activation_scheme": "static"}""");
        AddFloat8(folder, name, suffix, shape, scaleShape, block);
        return suffix == "_scale" ? folder.Add("a.q_proj.input_scale", TensorType.F32, new[] { 2f }) : folder;
    }

    private static void AddFloat8(
        QuantizedFolder folder, string name, string suffix, long[] shape, long[] scaleShape,
        (int Rows, int Columns)? block)
    {
        var codes = folder.Float8((int)shape.Aggregate(1L, (product, size) => product * size));
        var scales = folder.Scales((int)scaleShape.Aggregate(1L, (product, size) => product * size));
        var (rows, columns) = ((int)shape[^2], (int)shape[^1]);
        folder.Add(name, TensorType.F8_E4M3, codes, shape)
            .Add(name + suffix, TensorType.F32, scales, scaleShape)
            .Expect(name, [.. codes.Select((code, i) =>
            {
                var (matrix, row, column) = (i / (rows * columns), i / columns % rows, i % columns);
                var at = scales.Length == 1 ? 0
                    : block is var (height, width)
                        ? (((matrix * ((rows + height - 1) / height)) + (row / height))
                            * ((columns + width - 1) / width)) + (column / width)
                    : row;
                return QuantizedFolder.E4M3(code) * scales[at];
            })], shape);
    }

    private static QuantizedFolder Exponents()
    {
        var folder = QuantizedFolder.WithConfig(
            """{"quant_method": "fp8", "scale_fmt": "ue8m0", "weight_block_size": [2, 16]}""");
        var codes = folder.Float8(4 * 16);
        return folder.Add("a.q_proj.weight", TensorType.F8_E4M3, codes, 4, 16)
            .Add("a.q_proj.weight_scale_inv", TensorType.F8_E8M0, new byte[] { 120, 130 }, 2, 1)
            .Expect("a.q_proj.weight", [.. codes.Select((code, i) =>
                (float)(QuantizedFolder.E4M3(code) * Math.Pow(2, i < 32 ? -7 : 3)))], 4, 16);
    }

    private static QuantizedFolder ModelOptFloat8(long[] scaleShape, int rows, int columns)
    {
        var folder = QuantizedFolder.WithConfig("""{"quant_method": "modelopt", "quant_algo": "FP8", "ignore": []}""");
        AddFloat8(
            folder, "a.q_proj.weight", "_scale", [rows, columns], scaleShape,
            scaleShape.Length == 4 ? (128, 128) : null);
        return folder.Add("a.q_proj.input_scale", TensorType.F32, new[] { 2f })
            .Add("a.k_proj.k_scale", TensorType.F32, new[] { 2f });
    }

    // Only the library's own file says how the weights are quantized.
    private static QuantizedFolder NvFp4(bool preScaled)
    {
        const int Rows = 4, Columns = 32, Block = 16;
        QuantizedFolder folder = new()
        {
            OwnFile = ("hf_quant_config.json", JsonNode.Parse("""
                {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4", "group_size": 16}}
                """)!.AsObject()),
        };
        var codes = folder.Codes(Rows * Columns, 4);
        byte[] scales = [.. folder.Codes(Rows * Columns / Block, 3).Select(code => (byte)(40 + code))];
        var columnScales = folder.Scales(Columns);
        folder.Add("a.q_proj.weight", TensorType.U8, QuantizedFolder.Pairs(codes), Rows, Columns / 2)
            .Add("a.q_proj.weight_scale", TensorType.F8_E4M3, scales, Rows, Columns / Block)
            .Add("a.q_proj.weight_scale_2", TensorType.F32, new[] { 0.25f })
            .Expect("a.q_proj.weight", [.. codes.Select((code, i) =>
                QuantizedFolder.E2M1(code) * (QuantizedFolder.E4M3(scales[i / Block]) * 0.25f)
                * (preScaled ? columnScales[i % Columns] : 1))], Rows, Columns);
        return preScaled ? folder.Add("a.q_proj.pre_quant_scale", TensorType.F32, columnScales, Columns) : folder;
    }

    private static QuantizedFolder Int4Pairs()
    {
        const int Rows = 6, Columns = 32, Group = 16;
        var folder = QuantizedFolder.WithConfig("""{"quant_method": "modelopt", "quant_algo": "W4A16_AWQ"}""");
        int[] values = [.. folder.Codes(Rows * Columns, 4).Select(code => code - 8)];
        var scales = folder.Scales(Rows * Columns / Group);
        byte[] pairs = [.. Enumerable.Range(0, Rows / 2 * Columns).Select(i =>
        {
            var (pair, column) = (i / Columns, i % Columns);
            return (byte)((values[(2 * pair * Columns) + column] & 15)
                | ((values[(((2 * pair) + 1) * Columns) + column] & 15) << 4));
        })];
        return folder.Add("a.q_proj.weight", TensorType.U8, pairs, Rows / 2, Columns)
            .Add("a.q_proj.weight_scale", TensorType.F32, scales, Rows, Columns / Group)
            .Expect("a.q_proj.weight", [.. values.Select((value, i) => value * scales[i / Group])], Rows, Columns);
    }

    private static QuantizedFolder ModelOptInt8()
    {
        var folder = QuantizedFolder.WithConfig(
            """{"quant_method": "modelopt", "quantization": {"quant_algo": "W8A8_SQ_PER_CHANNEL"}}""");
        sbyte[] codes = [.. folder.Codes(6 * 8, 8).Select(code => (sbyte)(code - 128))];
        var scales = folder.Scales(6);
        return folder.Add("a.q_proj.weight", TensorType.I8, codes, 6, 8)
            .Add("a.q_proj.weight_scale", TensorType.F32, scales, 6)
            .Expect("a.q_proj.weight", [.. codes.Select((code, i) => code * scales[i / 8])], 6, 8);
    }

    private static QuantizedFolder Table(
        string type, string dtype, int[] shape, int blockSize, bool isNested, TensorType storage = TensorType.U8)
    {
        const int NestedBlock = 4;
        var folder = QuantizedFolder.WithConfig(
            """{"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_storage": "uint8"}""");
        var count = shape[0] * shape[1];
        var codes = folder.Codes(count, 4);
        float[] table = [.. folder.Scales(16).Select(value => value / 2)];
        var blocks = (count + blockSize - 1) / blockSize;
        var sizes = folder.Scales(blocks);
        var name = "a.q_proj.weight";
        if (isNested)
        {
            var nested = folder.Codes(blocks, 8);
            float[] nestedTable = [.. Enumerable.Range(0, 256).Select(i => (i - 128) / 128f)];
            var nestedSizes = folder.Scales((blocks + NestedBlock - 1) / NestedBlock);
            sizes = [.. nested.Select((code, i) => (nestedTable[code] * nestedSizes[i / NestedBlock]) + 0.5f)];
            folder.Add($"{name}.absmax", TensorType.U8, nested.Select(code => (byte)code).ToArray(), blocks)
                .Add($"{name}.nested_absmax", TensorType.F32, nestedSizes, nestedSizes.Length)
                .Add($"{name}.nested_quant_map", TensorType.F32, nestedTable, 256);
        }
        else
        {
            folder.Add($"{name}.absmax", TensorType.F32, sizes, blocks);
        }

        // Two codes in a byte, the first one higher.
        byte[] bytes = [.. codes.Chunk(2).Select(pair => (byte)((pair[0] << 4) | (pair.Length > 1 ? pair[1] : 0)))];
        long[] stored = storage == TensorType.U8 ? [bytes.Length, 1] : [bytes.Length / 2, 1];
        var nestedState = isNested
            ? $", \"nested_blocksize\": {NestedBlock}, \"nested_dtype\": \"float32\", \"nested_offset\": 0.5" : "";
        var state = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""
            {"quant_type": "{{type}}", "blocksize": {{blockSize}}, "dtype": "{{dtype}}",
            "shape": [{{shape[0]}}, {{shape[1]}}]{{nestedState}}}
            """));
        return folder.Add(name, storage, bytes, stored)
            .Add($"{name}.quant_map", TensorType.F32, table, 16)
            .Add($"{name}.quant_state.bitsandbytes__{type}", TensorType.U8, state, state.Length)
            .Expect(name, [.. codes.Select((code, i) => Round(table[code] * sizes[i / blockSize], dtype))],
                shape[0], shape[1]);
    }

    // The library computes weights in the model's type.
    private static float Round(float value, string dtype)
    {
        switch (dtype)
        {
            case "float16":
                return (float)(Half)value;
            case "bfloat16":
                var scale = Math.Pow(2, 7 - Math.Floor(Math.Log2(Math.Abs(value))));
                return value == 0 ? 0 : (float)(Math.Round(value * scale, MidpointRounding.ToEven) / scale);
            default:
                return value;
        }
    }

    private static QuantizedFolder BitsAndBytesInt8()
    {
        const int Rows = 5, Columns = 12;
        var folder = QuantizedFolder.WithConfig("""{"quant_method": "bitsandbytes", "load_in_8bit": true}""");
        sbyte[] codes = [.. folder.Codes(Rows * Columns, 8).Select(code => (sbyte)(code - 128))];
        var largest = folder.Scales(Rows);
        return folder.Add("a.q_proj.weight", TensorType.I8, codes, Rows, Columns)
            .Add("a.q_proj.SCB", TensorType.F32, largest, Rows)
            .Add("a.q_proj.weight_format", TensorType.U8, new byte[] { 0 })
            .Expect(
                "a.q_proj.weight", [.. codes.Select((code, i) => code * (largest[i / Columns] / 127))], Rows, Columns);
    }
}
