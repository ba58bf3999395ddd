using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Tests.Quantized;

// The layouts of GPTQ, AWQ and AutoRound, which differ in what they call themselves and in their zero points.
internal static class GptqVariants
{
    private static readonly int[] AwqOrder = [0, 2, 4, 6, 1, 3, 5, 7];

    public static IReadOnlyDictionary<string, Func<QuantizedFolder>> All { get; } =
        new Dictionary<string, Func<QuantizedFolder>>
        {
            ["gptq-2-bits"] = () => Gptq("""{"quant_method": "gptq", "checkpoint_format": "gptq", """, 2, 1),
            ["gptq-3-bits"] = () => Gptq("""{"quant_method": "gptq", "checkpoint_format": "gptq", """, 3, 1),
            ["gptq-8-bits"] = () => Gptq("""{"quant_method": "gptq", """, 8, 1),
            ["gptq-v2-3-bits"] = () => Gptq("""{"quant_method": "gptq", "checkpoint_format": "gptq_v2", """, 3, 0),
            ["gptq-act-order-2-bits"] = () => Gptq("""{"quant_method": "gptq", "desc_act": true, """, 2, 1, true),
            ["gptq-one-group"] = () => Gptq("""{"quant_method": "gptq", """, 4, 1, groupSize: 128, groups: 1),
            ["gptq-own-bits"] = OwnBits,
            ["auto-round"] = () => Gptq(
                """{"quant_method": "auto-round", "packing_format": "auto_round", """, 4, 0),
            ["auto-round-gptq"] = () => Gptq(
                """{"quant_method": "auto-round", "packing_format": "auto_round:auto_gptq", """, 4, 1),
            ["auto-round-gptqmodel"] = () => Gptq(
                """{"quant_method": "auto-round", "packing_format": "auto_round:gptqmodel", """, 4, 0),
            ["auto-round-old"] = () => Gptq(
                """{"quant_method": "intel/auto-round", "backend": "auto_round:exllamav2", """, 2, 0),
            ["auto-round-awq"] = () => Awq(QuantizedFolder.WithConfig("""
                {"quant_method": "auto-round", "packing_format": "auto_round:auto_awq", "bits": 4, "group_size": 16}
                """)),
            ["awq-old-file"] = () => Awq(new QuantizedFolder
            {
                OwnFile = ("quant_config.json", JsonNode.Parse(
                    """{"zero_point": true, "q_group_size": 16, "w_bit": 4, "version": "GEMM"}""")!.AsObject()),
            }),
        };

    private static QuantizedFolder Gptq(
        string config, int bits, int lessBy, bool isReordered = false, int groupSize = 16, int groups = 2)
    {
        var folder = QuantizedFolder.WithConfig(
            $$"""{{config}} "bits": {{bits}}, "group_size": {{groupSize}}, "sym": false}""");
        AddGptq(folder, "a.q_proj", bits, lessBy, isReordered, groups);
        return folder;
    }

    private static void AddGptq(
        QuantizedFolder folder, string root, int bits, int lessBy, bool isReordered = false, int groups = 2)
    {
        const int Rows = 32, Columns = 32;
        int[] groupOf = [.. Enumerable.Range(0, Columns).Select(
            column => isReordered ? column * 7 % groups : column / (Columns / groups))];
        var codes = folder.Codes(Rows * Columns, bits);
        var zeros = folder.Codes(Rows * groups, bits);
        var scales = folder.Scales(Rows * groups);
        var mask = (1 << bits) - 1;
        var packed = QuantizedFolder.PackRows(codes, Columns, bits);
        int[] stored = [.. QuantizedFolder.Transpose(zeros, groups).Select(zero => (zero - lessBy) & mask)];
        folder.Add(
                $"{root}.qweight", TensorType.I32, QuantizedFolder.Transpose(packed, packed.Length / Rows),
                packed.Length / Rows, Rows)
            .Add(
                $"{root}.qzeros", TensorType.I32, QuantizedFolder.PackRows(stored, Rows, bits), groups,
                Rows * bits / 32)
            .Add($"{root}.scales", TensorType.F32, scales, groups, Rows)
            .Expect($"{root}.weight", [.. codes.Select((code, i) =>
            {
                var (row, group) = (i / Columns, groupOf[i % Columns]);
                return (code - zeros[(row * groups) + group]) * scales[(group * Rows) + row];
            })], Rows, Columns);
        if (isReordered)
        {
            folder.Add($"{root}.g_idx", TensorType.I32, groupOf, Columns);
        }
    }

    // Modules with bits of their own, by their names or by patterns.
    private static QuantizedFolder OwnBits()
    {
        var folder = QuantizedFolder.WithConfig("""
            {
                "quant_method": "gptq", "bits": 4, "group_size": 16,
                "dynamic": { "-:.*lm_head": {}, "+:.*k_proj": { "bits": 8 } },
                "extra_config": { "a.v_proj": { "bits": 2 } }
            }
            """);
        AddGptq(folder, "a.q_proj", 4, 1);
        AddGptq(folder, "a.k_proj", 8, 1);
        AddGptq(folder, "a.v_proj", 2, 1);
        return folder;
    }

    private static QuantizedFolder Awq(QuantizedFolder folder)
    {
        const int Rows = 16, Columns = 32, Groups = 2;
        var codes = folder.Codes(Rows * Columns, 4);
        var zeros = folder.Codes(Rows * Groups, 4);
        var scales = folder.Scales(Rows * Groups);
        return folder.Add("a.q_proj.qweight", TensorType.I32, Pack(codes, Columns), Columns, Rows / 8)
            .Add("a.q_proj.qzeros", TensorType.I32, Pack(zeros, Groups), Groups, Rows / 8)
            .Add("a.q_proj.scales", TensorType.F32, scales, Groups, Rows)
            .Expect("a.q_proj.weight", [.. codes.Select((code, i) =>
            {
                var (row, group) = (i / Columns, i % Columns / (Columns / Groups));
                return (code - zeros[(row * Groups) + group]) * scales[(group * Rows) + row];
            })], Rows, Columns);

        // Eight outputs in a number, in the library's order.
        static int[] Pack(int[] values, int columns) => QuantizedFolder.Pack(
            QuantizedFolder.Transpose(values, columns).Chunk(8).SelectMany(
                eight => AwqOrder.Select(place => eight[place])), 4);
    }
}
