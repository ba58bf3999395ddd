using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Quantized;

// Packs random codes as the libraries do, one code at a time.
internal sealed record PackedFixture(byte[] Codes, float[] Scales, byte[] ZeroPoints, int[] Groups)
{
    private static readonly int[] AwqOrder = [0, 2, 4, 6, 1, 3, 5, 7];

    public float[] Values(int columns) => [.. Codes.Select((code, i) =>
    {
        var group = (i / columns * (Scales.Length / (Codes.Length / columns))) + Groups[i % columns];
        return (code - ZeroPoints[group]) * Scales[group];
    })];

    public static PackedFixture Write(
        TemporaryFolder folder, string layout, int rows, int columns, int groupSize, bool isReordered)
    {
        var random = new Random(Seed: 7);
        var groups = columns / groupSize;
        var weight = new PackedFixture(
            [.. Enumerable.Range(0, rows * columns).Select(_ => (byte)random.Next(16))],
            [.. Enumerable.Range(0, rows * groups).Select(_ => random.Next(1, 100) / 64f)],
            [.. Enumerable.Range(0, rows * groups).Select(_ => (byte)random.Next(16))],
            [.. Enumerable.Range(0, columns).Select(i => isReordered ? (i * 5) % groups : i / groupSize)]);
        var isAwq = layout == "awq";
        var codes = new int[rows * columns / 8];
        var zeros = new int[rows * groups / 8];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var code = weight.Codes[(row * columns) + column];
                if (isAwq)
                {
                    Put(codes, (column * rows / 8) + (row / 8), Array.IndexOf(AwqOrder, row % 8), code);
                }
                else
                {
                    Put(codes, (column / 8 * rows) + row, column % 8, code);
                }
            }

            for (var group = 0; group < groups; group++)
            {
                var zero = weight.ZeroPoints[(row * groups) + group];
                var place = isAwq ? Array.IndexOf(AwqOrder, row % 8) : row % 8;
                Put(zeros, (group * rows / 8) + (row / 8), place, layout == "gptq" ? (zero + 15) % 16 : zero);
            }
        }

        var scales = Enumerable.Range(0, groups * rows).Select(i => weight.Scales[(i % rows * groups) + (i / rows)]);
        SafetensorsWriter.Write(folder["model.safetensors"],
        [
            SafetensorsEntry.From("a.qweight", codes, isAwq ? [columns, rows / 8] : [columns / 8, rows]),
            SafetensorsEntry.From("a.qzeros", zeros, groups, rows / 8),
            SafetensorsEntry.From("a.scales", scales.ToArray(), groups, rows),
            .. isAwq ? [] : new[] { SafetensorsEntry.From("a.g_idx", weight.Groups, columns) },
            SafetensorsEntry.From("norm.weight", [1f, 2f], 2),
        ]);
        var section = new JsonObject
        {
            ["quant_method"] = isAwq ? "awq" : "gptq",
            ["bits"] = 4,
            ["group_size"] = groupSize,
            [isAwq ? "version" : "checkpoint_format"] = isAwq ? "gemm" : layout,
        };
        File.WriteAllText(
            folder["config.json"], new JsonObject { ["quantization_config"] = section }.ToJsonString());
        return weight;
    }

    private static void Put(int[] numbers, int at, int place, int code) => numbers[at] |= code << (4 * place);
}
