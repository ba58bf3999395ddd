namespace Slipway.Checkpoints.Tests.Quantized;

// The layouts of the compressed-tensors library.
internal static class CompressedTensorsVariants
{
    public static IReadOnlyDictionary<string, Func<QuantizedFolder>> All { get; } =
        new Dictionary<string, Func<QuantizedFolder>>
        {
            ["ct-4-bits-group"] = () => Packed(4, 6, 64, 16),
            ["ct-4-bits-group-zero-points"] = () => Packed(4, 13, 64, 32, hasZeroPoints: true),
            ["ct-4-bits-zero-points-in-bytes"] = () => Packed(4, 5, 32, 16, hasZeroPoints: true, inBytes: true),
            ["ct-4-bits-channel"] = () => Packed(4, 6, 40, 40),
            ["ct-4-bits-tensor"] = () => Packed(4, 6, 40, 0),
            ["ct-4-bits-act-order"] = () => Packed(4, 6, 64, 16, isReordered: true),
            ["ct-8-bits-channel"] = () => Packed(8, 6, 30, 30),
            ["ct-8-bits-group-zero-points"] = () => Packed(8, 6, 64, 32, hasZeroPoints: true),
            ["ct-2-bits-group"] = () => Packed(2, 6, 64, 32, hasZeroPoints: true),
            ["ct-3-bits-dense"] = () => Packed(3, 35, 64, 32, hasZeroPoints: true),
            ["ct-3-bits-with-gaps"] = () => Packed(3, 6, 64, 32, leavesGaps: true),
            ["ct-several-groups"] = SeveralGroups,
            ["ct-stack"] = Stack,
            ["ct-int8-tensor"] = () => Int8(6, 24, 1),
            ["ct-int8-channel"] = () => Int8(6, 24, 6),
            ["ct-int8-channel-zero-points"] = () => Int8(6, 24, 6, hasZeroPoints: true),
            ["ct-int8-group"] = () => Int8(6, 24, 18),
            ["ct-float8-tensor"] = () => Float8("tensor", 6, 24, 1, 1),
            ["ct-float8-channel"] = () => Float8("channel", 6, 24, 6, 1),
            ["ct-float8-block"] = () => Float8("block", 11, 26, 3, 4, block: (4, 8)),
            ["ct-mxfp8"] = MxFp8,
            ["ct-nvfp4"] = () => FourBits(16, isNv: true),
            ["ct-mxfp4"] = () => FourBits(32, isNv: false),
        };

    private static QuantizedFolder Folder(string format, string weights, string targets = """["Linear"]""") =>
        QuantizedFolder.WithConfig($$"""
            {
                "quant_method": "compressed-tensors", "format": "{{format}}", "ignore": ["lm_head", "re:.*gate$"],
                "quantization_status": "compressed", "sparsity_config": {}, "transform_config": {},
                "kv_cache_scheme": null,
                "config_groups": {
                    "group_0": { "targets": {{targets}}, "weights": {{weights}}, "input_activations": null }
                }
            }
            """);

    private static string Integers(int bits, int groupSize, int columns) => $$"""
        {
            "num_bits": {{bits}}, "type": "int", "dynamic": false,
            "strategy": "{{(groupSize == 0 ? "tensor" : groupSize == columns ? "channel" : "group")}}",
            "group_size": {{(groupSize == 0 || groupSize == columns ? "null" : groupSize)}}
        }
        """;

    private static QuantizedFolder Packed(
        int bits, int rows, int columns, int groupSize, bool hasZeroPoints = false, bool inBytes = false,
        bool isReordered = false, bool leavesGaps = false)
    {
        var folder = Folder("pack-quantized", Integers(bits, groupSize, columns));
        AddPacked(folder, "a.q_proj", bits, rows, columns, groupSize, hasZeroPoints, inBytes, isReordered, leavesGaps);
        return folder.Add("lm_head.weight", TensorType.F32, new float[] { 1, 2 }, 1, 2)
            .Expect("lm_head.weight", [1, 2], 1, 2);
    }

    private static void AddPacked(
        QuantizedFolder folder, string root, int bits, int rows, int columns, int groupSize, bool hasZeroPoints = false,
        bool inBytes = false, bool isReordered = false, bool leavesGaps = false)
    {
        var groups = groupSize == 0 ? 1 : columns / groupSize;
        int[] groupOf = [.. Enumerable.Range(0, columns).Select(
            column => isReordered ? column * 5 % groups : column / (columns / groups))];
        var codes = folder.Codes(rows * columns, bits);
        var zeros = hasZeroPoints ? folder.Codes(rows * groups, bits) : null;
        var scales = folder.Scales(groupSize == 0 ? 1 : rows * groups);
        folder.Expect($"{root}.weight", [.. codes.Select((code, i) =>
        {
            var group = groupSize == 0 ? 0 : (i / columns * groups) + groupOf[i % columns];
            return (code - (zeros?[group] ?? (1 << (bits - 1)))) * scales[group];
        })], rows, columns);
        var numbers = leavesGaps
            ? [.. codes.Chunk(columns).SelectMany(row => row.Chunk(32 / bits))
                .SelectMany(part => QuantizedFolder.Pack(part, bits))]
            : QuantizedFolder.PackRows(codes, columns, bits);
        folder.Add($"{root}.weight_packed", TensorType.I32, numbers, rows, numbers.Length / rows)
            .Add($"{root}.weight_shape", TensorType.I64, new long[] { rows, columns }, 2);
        var shape = groupSize == 0 ? new long[] { 1 } : [rows, groups];
        folder.Add($"{root}.weight_scale", TensorType.BF16, QuantizedFolder.BFloat16(scales), shape);
        if (zeros is not null && inBytes)
        {
            folder.Add(
                $"{root}.weight_zero_point", TensorType.I8,
                zeros.Select(zero => (sbyte)(zero - (1 << (bits - 1)))).ToArray(), rows, groups);
        }
        else if (zeros is not null)
        {
            // Packed along the rows: each group's on its own.
            var packed = QuantizedFolder.PackRows(QuantizedFolder.Transpose(zeros, groups), rows, bits);
            folder.Add(
                $"{root}.weight_zero_point", TensorType.I32,
                QuantizedFolder.Transpose(packed, packed.Length / groups), packed.Length / groups, groups);
        }

        if (isReordered)
        {
            folder.Add($"{root}.weight_g_idx", TensorType.I32, groupOf, columns);
        }
    }

    private static QuantizedFolder SeveralGroups()
    {
        var folder = QuantizedFolder.WithConfig("""
            {
                "quant_method": "compressed-tensors", "format": "mixed-precision",
                "config_groups": {
                    "group_0": {
                        "targets": ["Linear"], "format": "pack-quantized",
                        "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 16}
                    },
                    "group_1": {
                        "targets": ["re:.*down_proj"], "format": "pack-quantized",
                        "weights": {"num_bits": 8, "type": "int", "strategy": "channel"}
                    },
                    "group_2": {
                        "targets": ["a.o_proj"], "format": "pack-quantized",
                        "weights": {"num_bits": 2, "type": "int", "strategy": "group", "group_size": 32}
                    },
                    "group_3": { "targets": ["a.k_proj"], "format": "dense", "weights": null },
                    "group_4": {
                        "targets": ["Embedding"], "format": "pack-quantized",
                        "weights": {"num_bits": 8, "type": "int", "strategy": "channel"}
                    }
                }
            }
            """);
        AddPacked(folder, "a.up_proj", 4, 6, 64, 16);
        AddPacked(folder, "a.down_proj", 8, 6, 64, 64);
        AddPacked(folder, "a.o_proj", 2, 6, 64, 32);
        AddPacked(folder, "embed_tokens", 8, 6, 64, 64);
        return folder;
    }

    // Experts' matrices in one tensor.
    private static QuantizedFolder Stack()
    {
        const int Experts = 3, Rows = 4, Columns = 32, Groups = 2, Bits = 4;
        var folder = Folder("pack-quantized", Integers(Bits, Columns / Groups, Columns));
        var codes = folder.Codes(Experts * Rows * Columns, Bits);
        var scales = folder.Scales(Experts * Rows * Groups);
        return folder
            .Add("a.experts.weight_packed", TensorType.I32, QuantizedFolder.PackRows(codes, Columns, Bits),
                Experts, Rows, Columns / 8)
            .Add("a.experts.weight_shape", TensorType.I64, new long[] { Experts, Rows, Columns }, 3)
            .Add("a.experts.weight_scale", TensorType.F32, scales, Experts, Rows, Groups)
            .Expect("a.experts.weight", [.. codes.Select((code, i) => (code - 8) * scales[i / (Columns / Groups)])],
                Experts, Rows, Columns);
    }

    private static QuantizedFolder Int8(int rows, int columns, int scaleCount, bool hasZeroPoints = false)
    {
        var folder = Folder("int-quantized", Integers(
            8, scaleCount == 1 ? 0 : rows * columns / scaleCount, columns));
        sbyte[] codes = [.. folder.Codes(rows * columns, 8).Select(code => (sbyte)(code - 128))];
        sbyte[] zeros = [.. folder.Codes(scaleCount, 7).Select(code => (sbyte)(hasZeroPoints ? code - 64 : 0))];
        var scales = folder.Scales(scaleCount);
        long[] shape = scaleCount == 1 ? [1] : [rows, scaleCount / rows];
        folder.Add("a.q_proj.weight", TensorType.I8, codes, rows, columns)
            .Add("a.q_proj.weight_scale", TensorType.F32, scales, shape)
            .Expect("a.q_proj.weight", [.. codes.Select((code, i) =>
            {
                var group = i / (rows * columns / scaleCount);
                return (code - zeros[group]) * scales[group];
            })], rows, columns);
        return hasZeroPoints ? folder.Add("a.q_proj.weight_zero_point", TensorType.I8, zeros, shape) : folder;
    }

    private static QuantizedFolder Float8(
        string strategy, int rows, int columns, int scaleRows, int scaleColumns, (int Rows, int Columns)? block = null)
    {
        var structure = block is var (height, width) ? $"[{height}, {width}]" : "null";
        var folder = Folder("float-quantized", $$"""
            {"num_bits": 8, "type": "float", "strategy": "{{strategy}}", "block_structure": {{structure}}}
            """);
        var codes = folder.Float8(rows * columns);
        var scales = folder.Scales(scaleRows * scaleColumns);
        var (blockRows, blockColumns) = block ?? (rows / scaleRows, columns / scaleColumns);
        long[] shape = scales.Length == 1 ? [1] : [scaleRows, scaleColumns];
        return folder.Add("a.q_proj.weight", TensorType.F8_E4M3, codes, rows, columns)
            .Add("a.q_proj.weight_scale", TensorType.BF16, QuantizedFolder.BFloat16(scales), shape)
            .Expect("a.q_proj.weight", [.. codes.Select((code, i) => QuantizedFolder.E4M3(code)
                * scales[(i / columns / blockRows * scaleColumns) + (i % columns / blockColumns)])], rows, columns);
    }

    private static QuantizedFolder MxFp8()
    {
        const int Rows = 3, Columns = 64, Block = 32;
        var folder = Folder("mxfp8-quantized", """
            {"num_bits": 8, "type": "float", "strategy": "group", "group_size": 32, "scale_dtype": "torch.uint8"}
            """);
        var codes = folder.Float8(Rows * Columns);
        byte[] exponents = [.. folder.Codes(Rows * Columns / Block, 3).Select(code => (byte)(124 + code))];
        return folder.Add("a.q_proj.weight", TensorType.F8_E4M3, codes, Rows, Columns)
            .Add("a.q_proj.weight_scale", TensorType.U8, exponents, Rows, Columns / Block)
            .Expect("a.q_proj.weight", [.. codes.Select((code, i) =>
                (float)(QuantizedFolder.E4M3(code) * Math.Pow(2, exponents[i / Block] - 127)))], Rows, Columns);
    }

    private static QuantizedFolder FourBits(int block, bool isNv)
    {
        const int Rows = 5, Columns = 64;
        const float GlobalScale = 2;
        var folder = Folder(isNv ? "nvfp4-pack-quantized" : "mxfp4-pack-quantized", $$"""
            {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": {{block}}}
            """);
        var codes = folder.Codes(Rows * Columns, 4);
        byte[] scales = [.. folder.Codes(Rows * Columns / block, 3).Select(code => (byte)((isNv ? 40 : 120) + code))];
        folder.Add("a.q_proj.weight_packed", TensorType.U8, QuantizedFolder.Pairs(codes), Rows, Columns / 2)
            .Add("a.q_proj.weight_scale", isNv ? TensorType.F8_E4M3 : TensorType.U8, scales, Rows, Columns / block)
            .Expect("a.q_proj.weight", [.. codes.Select((code, i) => QuantizedFolder.E2M1(code) * (isNv
                ? QuantizedFolder.E4M3(scales[i / block]) / GlobalScale
                : (float)Math.Pow(2, scales[i / block] - 127)))], Rows, Columns);
        return isNv
            ? folder.Add("a.q_proj.weight_global_scale", TensorType.F32, new[] { GlobalScale }, 1)
                .Add("a.q_proj.input_global_scale", TensorType.F32, new[] { 3f }, 1)
            : folder;
    }
}
