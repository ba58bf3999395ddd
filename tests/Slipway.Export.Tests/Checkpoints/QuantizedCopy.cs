using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Slipway.Checkpoints;
using Slipway.Checkpoints.Tests.Quantized;

namespace Slipway.Export.Tests.Checkpoints;

/// <summary>A checkpoint whose linear layers are rounded to a stored form, and the same values as numbers.</summary>
internal static partial class QuantizedCopy
{
    private const int Group = 16;

    /// <summary>The forms by name: the <c>quantization_config</c>, and what stores a matrix.</summary>
    private static readonly Dictionary<string, QuantizedForm> Forms = new(PublishedForms.All)
    {
        ["pack-2"] = new(Packed(2), (folder, root, matrix) => Pack(folder, root, matrix, 2)),
        ["pack-4"] = new(Packed(4), (folder, root, matrix) => Pack(folder, root, matrix, 4)),
        ["pack-8"] = new(Packed(8), (folder, root, matrix) => Pack(folder, root, matrix, 8)),
        ["mixed"] = new(Mixed, (folder, root, matrix) =>
            Pack(folder, root, matrix, root.Contains("self_attn", StringComparison.Ordinal) ? 8 : 4)),
        ["unequal-groups"] = new(Packed(4), (folder, root, matrix) => Pack(folder, root, matrix, 4, unequal: true)),
        ["pack-4-and-fp8-experts"] = new(Packed(4), (folder, root, matrix) =>
        {
            if (root.Contains("experts", StringComparison.Ordinal))
            {
                Float8Channel(folder, root, matrix);
            }
            else
            {
                Pack(folder, root, matrix, 4);
            }
        }),
        ["fp8"] = new(
            """{"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [24, 40]}""", Float8),
        ["nvfp4"] = new("""{"quant_method": "modelopt", "quant_algo": "NVFP4"}""", NvFp4),
    };

    private const string Mixed = """
        {
            "quant_method": "compressed-tensors", "format": "pack-quantized",
            "config_groups": {
                "group_0": {
                    "targets": ["Linear"],
                    "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 16}
                },
                "group_1": {
                    "targets": ["re:.*self_attn.*"],
                    "weights": {"num_bits": 8, "type": "int", "strategy": "group", "group_size": 16}
                }
            }
        }
        """;

    /// <summary>Writes the checkpoint in a form, and the values of that form.</summary>
    /// <param name="source">The checkpoint that is rounded.</param>
    /// <param name="form">The form's name.</param>
    /// <param name="stored">The folder of the checkpoint in that form.</param>
    /// <param name="plain">The folder of the same values as numbers.</param>
    public static void Write(string source, string form, string stored, string plain)
    {
        using var checkpoint = Checkpoint.Open(source);
        var (settings, store, ownFile) = Forms[form];
        QuantizedFolder folder = new()
        {
            Config = checkpoint.Config.DeepClone().AsObject(),
            Settings = settings is null ? null : JsonNode.Parse(settings)!.AsObject(),
            OwnFile = ownFile is null ? null : ("hf_quant_config.json", JsonNode.Parse(ownFile)!.AsObject()),
        };
        QuantizedFolder values = new() { Config = checkpoint.Config.DeepClone().AsObject() };
        foreach (var tensor in checkpoint.Tensors.Values)
        {
            var numbers = new float[tensor.Count];
            checkpoint.ReadFloats(tensor.Name, 0, numbers);
            if (tensor.Shape.Count >= 2 && Linear().IsMatch(tensor.Name))
            {
                store(folder, tensor.Name[..^".weight".Length], new StoredMatrix(numbers, [.. tensor.Shape]));
                numbers = folder.Expected[tensor.Name].Values;
            }
            else
            {
                folder.Add(tensor.Name, TensorType.F32, numbers, [.. tensor.Shape]);
            }

            values.Add(tensor.Name, TensorType.F32, numbers, [.. tensor.Shape]);
        }

        folder.Write(stored);
        values.Write(plain);
    }

    private static string Packed(int bits) => $$"""
        {
            "quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ["lm_head"],
            "config_groups": {
                "group_0": {
                    "targets": ["Linear"],
                    "weights": {"num_bits": {{bits}}, "type": "int", "strategy": "group", "group_size": {{Group}}}
                }
            }
        }
        """;

    private static void Pack(QuantizedFolder folder, string root, StoredMatrix matrix, int bits, bool unequal = false)
    {
        var (rows, columns, groups) = (matrix.Rows, matrix.Columns, matrix.Columns / Group);
        int[] groupOf = [.. Enumerable.Range(0, columns).Select(
            column => unequal ? Math.Min(column / (Group + 1), groups - 1) : column / Group)];
        var scales = Scales(matrix, 1 << (bits - 1));
        int[] codes = [.. matrix.Values.Select((value, i) => Math.Clamp(
            (int)MathF.Round(value / scales[(i / columns * groups) + groupOf[i % columns]]) + (1 << (bits - 1)),
            0, (1 << bits) - 1))];
        var numbers = QuantizedFolder.PackRows(codes, columns, bits);
        folder.Add($"{root}.weight_packed", TensorType.I32, numbers, [.. matrix.Shape[..^1], columns * bits / 32])
            .Add($"{root}.weight_shape", TensorType.I64, matrix.Shape, matrix.Shape.Length)
            .Add($"{root}.weight_scale", TensorType.F32, scales, [.. matrix.Shape[..^1], groups])
            .Expect(
                $"{root}.weight", [.. codes.Select((code, i) =>
                    (code - (1 << (bits - 1))) * scales[(i / columns * groups) + groupOf[i % columns]])],
                matrix.Shape);
        if (unequal)
        {
            folder.Add($"{root}.weight_g_idx", TensorType.I32, groupOf, columns);
        }

        Assert.Equal(rows * columns, codes.Length);
    }

    private static void Float8(QuantizedFolder folder, string root, StoredMatrix matrix)
    {
        const int Height = 24, Width = 40;
        var codes = folder.Float8(matrix.Values.Length);
        var (rows, columns) = ((int)matrix.Shape[^2], matrix.Columns);
        var (down, across) = ((rows + Height - 1) / Height, (columns + Width - 1) / Width);
        var matrices = matrix.Rows / rows;
        float[] scales = [.. folder.Scales(matrices * down * across).Select(scale => scale / 8192)];
        folder.Add($"{root}.weight", TensorType.F8_E4M3, codes, matrix.Shape)
            .Add(
                $"{root}.weight_scale_inv", TensorType.F32, scales, [.. matrix.Shape[..^2], down, across])
            .Expect($"{root}.weight", [.. codes.Select((code, i) =>
            {
                var (index, row) = (i / (rows * columns), i / columns % rows);
                var at = (((index * down) + (row / Height)) * across) + (i % columns / Width);
                return QuantizedFolder.E4M3(code) * scales[at];
            })], matrix.Shape);
    }

    private static void Float8Channel(QuantizedFolder folder, string root, StoredMatrix matrix)
    {
        var codes = folder.Float8(matrix.Values.Length);
        float[] scales = [.. folder.Scales(matrix.Rows).Select(scale => scale / 8192)];
        folder.Add($"{root}.weight", TensorType.F8_E4M3, codes, matrix.Shape)
            .Add($"{root}.weight_scale", TensorType.F32, scales, matrix.Rows, 1)
            .Expect(
                $"{root}.weight",
                [.. codes.Select((code, i) => QuantizedFolder.E4M3(code) * scales[i / matrix.Columns])], matrix.Shape);
    }

    private static void NvFp4(QuantizedFolder folder, string root, StoredMatrix matrix)
    {
        var codes = folder.Codes(matrix.Values.Length, 4);
        byte[] scales = [.. folder.Codes(codes.Length / Group, 3).Select(code => (byte)(40 + code))];
        folder
            .Add(
                $"{root}.weight", TensorType.U8, QuantizedFolder.Pairs(codes),
                [.. matrix.Shape[..^1], matrix.Columns / 2])
            .Add(
                $"{root}.weight_scale", TensorType.F8_E4M3, scales, [.. matrix.Shape[..^1], matrix.Columns / Group])
            .Add($"{root}.weight_scale_2", TensorType.F32, new[] { 1 / 32f })
            .Expect(
                $"{root}.weight", [.. codes.Select((code, i) =>
                    QuantizedFolder.E2M1(code) * (QuantizedFolder.E4M3(scales[i / Group]) / 32))],
                matrix.Shape);
    }

    private static float[] Scales(StoredMatrix matrix, int steps) => [.. matrix.Values.Chunk(Group).Select(
        group => (float)(Half)((group.Max(Math.Abs) + 1e-3f) / steps))];

    [GeneratedRegex(@"(_proj|_linear|\.w[123])\.weight\z")]
    private static partial Regex Linear();
}

/// <summary>A form: the <c>quantization_config</c>, what stores a matrix, and the library's own file.</summary>
internal sealed record QuantizedForm(
    string? Settings, Action<QuantizedFolder, string, StoredMatrix> Store, string? OwnFile = null);

/// <summary>A matrix, or a stack of them, row-major.</summary>
internal sealed record StoredMatrix(float[] Values, long[] Shape)
{
    public int Columns => (int)Shape[^1];

    public int Rows => Values.Length / Columns;
}
