using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Export.Tests.Architectures;

public sealed class GptOssTests
{
    private const int Hidden = 64, Inner = 32, Experts = 4, Block = 32;

    private static readonly float[] Codes = [0, .5f, 1, 1.5f, 2, 3, 4, 6, 0, -.5f, -1, -1.5f, -2, -3, -4, -6];

    [Fact]
    public void Export_ExpertsInMxFp4_EqualsTheSameValuesAsFloats()
    {
        using TemporaryFolder folder = new();
        var packed = Logits(folder, "packed", WithBlocks(damage: false));
        var plain = Logits(folder, "plain", WithFloats());

        Assert.All(packed.Zip(plain), pair => Assert.Equal(pair.Second, pair.First, 1e-6f));
        Assert.True(packed.Max() - packed.Min() > 0.1f);
    }

    [Fact]
    public void Export_MxFp4ScaleThatIsNoNumber_NamesTheTensor()
    {
        using TemporaryFolder folder = new();

        var error = Assert.Throws<CheckpointException>(
            () => Logits(folder, "damaged", WithBlocks(damage: true)));

        Assert.Equal("model.layers.0.mlp.experts.gate_up_proj_scales", error.Tensor);
        Assert.Contains("holds the scale 'NaN', which is not a finite number", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_ExpertsInMxFp4AsInt8_KeepsTheirValues()
    {
        using TemporaryFolder folder = new();
        var single = Logits(folder, "single", WithBlocks(damage: false));
        var kept = Logits(folder, "kept", WithBlocks(damage: false), Precision.Int8);

        // The operator rounds the inputs of 8-bit experts.
        Assert.All(kept.Zip(single), pair => Assert.Equal(pair.Second, pair.First, 0.02f));
    }

    private static float[] Logits(
        TemporaryFolder folder, string name, List<SafetensorsEntry> experts, Precision precision = Precision.Float32)
    {
        Directory.CreateDirectory(folder[name]);
        File.WriteAllText(Path.Combine(folder[name], "config.json"), new JsonObject
        {
            ["architectures"] = new JsonArray("GptOssForCausalLM"), ["hidden_size"] = Hidden,
            ["intermediate_size"] = Inner, ["num_local_experts"] = Experts, ["num_experts_per_tok"] = 2,
            ["num_hidden_layers"] = 1, ["num_attention_heads"] = 4, ["num_key_value_heads"] = 2, ["head_dim"] = 16,
            ["vocab_size"] = 32, ["max_position_embeddings"] = 64, ["sliding_window"] = 4, ["rms_norm_eps"] = 1e-5,
            ["rope_theta"] = 10000, ["tie_word_embeddings"] = false, ["eos_token_id"] = 2,
        }.ToJsonString());
        Random random = new(5);
        (string Name, long[] Shape)[] others =
        [
            ("model.embed_tokens.weight", [32, Hidden]), ("lm_head.weight", [32, Hidden]),
            ("model.norm.weight", [Hidden]),
            ("model.layers.0.input_layernorm.weight", [Hidden]),
            ("model.layers.0.post_attention_layernorm.weight", [Hidden]),
            ("model.layers.0.self_attn.q_proj.weight", [64, Hidden]), ("model.layers.0.self_attn.q_proj.bias", [64]),
            ("model.layers.0.self_attn.k_proj.weight", [32, Hidden]), ("model.layers.0.self_attn.k_proj.bias", [32]),
            ("model.layers.0.self_attn.v_proj.weight", [32, Hidden]), ("model.layers.0.self_attn.v_proj.bias", [32]),
            ("model.layers.0.self_attn.o_proj.weight", [Hidden, 64]),
            ("model.layers.0.self_attn.o_proj.bias", [Hidden]),
            ("model.layers.0.self_attn.sinks", [4]), ("model.layers.0.mlp.router.weight", [Experts, Hidden]),
            ("model.layers.0.mlp.router.bias", [Experts]),
            ("model.layers.0.mlp.experts.gate_up_proj_bias", [Experts, 2 * Inner]),
            ("model.layers.0.mlp.experts.down_proj_bias", [Experts, Hidden]),
        ];
        SafetensorsWriter.Write(
            Path.Combine(folder[name], "model.safetensors"),
            [
                .. experts,
                .. others.Select(tensor => SafetensorsEntry.From(
                    tensor.Name,
                    [.. Enumerable.Range(0, (int)tensor.Shape.Aggregate(1L, (count, size) => count * size))
                        .Select(_ => random.NextSingle() - 0.5f)],
                    tensor.Shape)),
            ]);
        using var checkpoint = Checkpoint.Open(folder[name]);
        var report = Exporter.Export(
            checkpoint, folder[$"{name}-package"], new ExportOptions { Precision = precision });
        Assert.DoesNotContain(report.Warnings, warning => warning.Contains("anew", StringComparison.Ordinal));
        using DecoderRunner runner = new(folder[$"{name}-package"]);
        return runner.Run([3, 7, 1, 30, 12, 9, 4]);
    }

    private static List<SafetensorsEntry> WithBlocks(bool damage)
    {
        List<SafetensorsEntry> entries = [];
        foreach (var (name, rows, columns) in Matrices())
        {
            var (blocks, scales) = Make(name, rows, columns);
            scales[^1] = damage && rows == 2 * Inner ? (byte)255 : scales[^1];
            entries.Add(SafetensorsEntry.From(
                $"{name}_blocks", blocks, Experts, rows, columns / Block, Block / 2));
            entries.Add(SafetensorsEntry.From($"{name}_scales", scales, Experts, rows, columns / Block));
        }

        return entries;
    }

    // The same values, inputs by outputs.
    private static List<SafetensorsEntry> WithFloats()
    {
        List<SafetensorsEntry> entries = [];
        foreach (var (name, rows, columns) in Matrices())
        {
            var (blocks, scales) = Make(name, rows, columns);
            var values = new float[Experts * rows * columns];
            for (var index = 0; index < values.Length; index++)
            {
                int expert = index / (rows * columns), row = index / columns % rows, column = index % columns;
                var code = (blocks[index / 2] >> (4 * (index % 2))) & 15;
                values[(((expert * columns) + column) * rows) + row] =
                    Codes[code] * MathF.Pow(2, scales[index / Block] - 127);
            }

            entries.Add(SafetensorsEntry.From(name, values, Experts, columns, rows));
        }

        return entries;
    }

    private static (string Name, int Rows, int Columns)[] Matrices() =>
    [
        ("model.layers.0.mlp.experts.gate_up_proj", 2 * Inner, Hidden),
        ("model.layers.0.mlp.experts.down_proj", Hidden, Inner),
    ];

    private static (byte[] Blocks, byte[] Scales) Make(string name, int rows, int columns)
    {
        Random random = new(name.Length);
        var blocks = new byte[Experts * rows * columns / 2];
        random.NextBytes(blocks);
        return (blocks, [.. Enumerable.Range(0, Experts * rows * columns / Block)
            .Select(_ => (byte)random.Next(121, 126))]);
    }
}
