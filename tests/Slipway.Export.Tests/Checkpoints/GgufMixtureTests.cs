using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Checkpoints.Tests;
using Slipway.Checkpoints.Tests.Gguf;
using Slipway.Checkpoints.Tests.Quantized;
using Slipway.Export.Tests.Architectures;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Export.Tests.Checkpoints;

/// <summary>Whole models in GGUF's quantized types, mixed as llama.cpp mixes them.</summary>
public sealed class GgufMixtureTests(ITestOutputHelper output) : IDisposable
{
    private static readonly int[] _ids = [.. Enumerable.Range(0, 24).Select(index => 3 + (index * 7 % 250))];

    // A row: the tiny checkpoint whose tensors it has, its name in the file, sizes that differ, further metadata.
    private static readonly Dictionary<string, (string Architecture, string Config, string[] Metadata)> Models = new()
    {
        ["llama"] = (
            "llama",
            """{"hidden_size": 256, "intermediate_size": 512, "head_dim": 64, "tie_word_embeddings": true}""",
            ["rope.freq_base=500000"]),
        ["qwen3"] = (
            "qwen3", """{"hidden_size": 512, "intermediate_size": 768, "head_dim": 64}""",
            ["attention.key_length=head_dim"]),

        // As the 270M model: only what attention and gates give is as wide as whole super-blocks.
        ["gemma3"] = (
            "gemma3", """{"hidden_size": 160, "intermediate_size": 512, "head_dim": 64, "query_pre_attn_scalar": 64}""",
            ["attention.key_length=head_dim", "attention.sliding_window=sliding_window", "rope.freq_base=1000000"]),
        ["qwen3-moe"] = (
            "qwen3moe", """{"hidden_size": 256, "moe_intermediate_size": 256, "head_dim": 64}""",
            ["attention.key_length=head_dim", "expert_count=num_local_experts",
             "expert_used_count=num_experts_per_tok", "expert_feed_forward_length=moe_intermediate_size"]),
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama", "q2_k")]
    [InlineData("llama", "q3_k")]
    [InlineData("llama", "q5_k")]
    [InlineData("llama", "q6_k")]
    [InlineData("llama", "q5_1")]
    [InlineData("llama", "iq4_nl")]
    [InlineData("llama", "iq4_xs")]
    [InlineData("llama", "q4_k_m")]
    [InlineData("qwen3", "q4_k_m")]
    [InlineData("gemma3", "q4_k_m")]
    [InlineData("qwen3-moe", "q4_k_m")]
    public void Export_AnyTypesToFloat_EqualsTheirValues(string model, string mix)
    {
        Write(model, mix);
        Export("plain", Precision.Float32);
        Export("model.gguf", Precision.Float32);
        using DecoderRunner plain = new(_folder["plain-package"]), given = new(_folder["model.gguf-package"]);
        var max = DecoderParityTests.Difference(given.Run(_ids), plain.Run(_ids));
        output.WriteLine($"{model} {mix}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    // Scales are stored in half precision, and what 4 bits cannot hold in 8: inputs are left as they are to see it.
    [Theory]
    [InlineData("llama", "q4_k", 0)]
    [InlineData("llama", "q4_k_m", 5)]
    [InlineData("llama", "q4_k_s", 5)]
    [InlineData("qwen3", "q4_k_m", 5)]
    [InlineData("gemma3", "q4_k_m", 42)]
    [InlineData("qwen3-moe", "q4_k", 6)]
    public void Export_MixtureWithQ4K_KeepsWhatItHolds(string model, string mix, int wider)
    {
        Write(model, mix);
        Export("plain", Precision.Float32);
        var report = Export("model.gguf", Precision.Int4);
        Assert.Equal("prequantized", report.Manifest.Quantization!.Method);
        var nodes = OnnxFile.Read(_folder["model.gguf-package/kernels.onnx"]).Graph.Nodes;
        Export("plain", Precision.Int4, "anew");
        LeaveInputs(_folder["model.gguf-package"]);
        LeaveInputs(_folder["anew-package"]);
        using DecoderRunner plain = new(_folder["plain-package"]), kept = new(_folder["model.gguf-package"]),
            anew = new(_folder["anew-package"]);
        var expected = plain.Run(_ids);
        var error = DecoderParityTests.Difference(kept.Run(_ids), expected) / expected.Max(Math.Abs);
        var other = DecoderParityTests.Difference(anew.Run(_ids), expected) / expected.Max(Math.Abs);
        output.WriteLine(
            $"{model} {mix}: {error:0.0e+0} of the largest logit, {other:0.0e+0} quantized anew; in 8 bits "
            + string.Join(", ", report.Manifest.Quantization.Matrices?.Keys ?? []));
        Assert.InRange(error, 0, other / 5);
        Assert.Equal(wider, report.Manifest.Quantization.Matrices?.Count ?? 0);
        Assert.DoesNotContain(nodes, node => node.OpType is "MatMulNBits");
    }

    [Theory]
    [InlineData("q2_k", "search")]
    [InlineData("q3_k_m", "search")]
    [InlineData("q5_0", "search")]
    [InlineData("q6_k", "search")]
    [InlineData("q4_k_s", "prequantized")]
    public void Export_TypesOfOtherBits_AreQuantizedAnew(string mix, string method)
    {
        Write("llama", mix);
        var report = Export("model.gguf", Precision.Int4);
        Assert.Equal(method, report.Manifest.Quantization!.Method);
    }

    // 'accuracy_level' is a name, and its value the next field: 3, a number. 1 leaves inputs as they are.
    private static void LeaveInputs(string package)
    {
        var path = Path.Combine(package, "model.onnx");
        var bytes = File.ReadAllBytes(path);
        var level = "accuracy_level\x18\x04"u8;
        var at = 0;
        for (int next; (next = bytes.AsSpan(at).IndexOf(level)) >= 0;)
        {
            at += next + level.Length;
            bytes[at - 1] = 1;
        }

        Assert.True(at > 0);
        File.WriteAllBytes(path, bytes);
        File.Delete(Path.Combine(package, "slipway.json"));
    }

    private static string? TypeOf(string mix, string name, long columns)
    {
        if (name.Contains("norm", StringComparison.Ordinal) || name.Contains("gate_inp", StringComparison.Ordinal))
        {
            return null;
        }

        var isHead = name is "token_embd.weight" or "output.weight";
        var (isValue, isDown) = (name.Contains("attn_v", StringComparison.Ordinal),
            name.Contains("ffn_down", StringComparison.Ordinal));
        var isEdge = !name.StartsWith("blk.1.", StringComparison.Ordinal);
        return GgufEncoder.Fitting(mix switch
        {
            "q4_k_m" => isHead || ((isValue || isDown) && isEdge) ? "q6_k" : "q4_k",
            "q4_k_s" => isHead ? "q6_k" : (isValue || isDown) && isEdge ? "q5_k" : "q4_k",
            "q3_k_m" => isHead ? "q6_k" : isValue || isDown ? isEdge ? "q5_k" : "q4_k" : "q3_k",
            _ => mix,
        }, columns);
    }

    // Writes 'model.gguf', and the values of its types as numbers in 'plain'.
    private void Write(string name, string mix)
    {
        var (architecture, sizes, metadata) = Models[name];
        using var tiny = Checkpoint.Open(SharedAssets.Path("tiny", name));
        var config = tiny.Config.DeepClone().AsObject();
        foreach (var (key, value) in JsonNode.Parse(sizes)!.AsObject())
        {
            config[key] = value?.DeepClone();
        }

        QuantizedFolder floats = new() { Config = config };
        foreach (var tensor in tiny.Tensors.Values.Where(
            tensor => tensor.Name != "lm_head.weight" || !(bool)config["tie_word_embeddings"]!))
        {
            var shape = Shape(tensor.Name, config);
            var values = new float[shape.Aggregate((count, size) => count * size)];
            var size = 1 / MathF.Sqrt(shape[^1]);
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = shape.Length == 1 ? 0.5f + floats.Random.NextSingle()
                    : (float)(floats.Random.NextDouble() + floats.Random.NextDouble() - 1) * 2 * size;
            }

            floats.Add(tensor.Name, TensorType.F32, values, shape);
        }

        floats.Write(_folder["floats"]);
        using var source = Checkpoint.Open(_folder["floats"]);
        GgufConversion conversion = new(source, architecture, (tensor, columns) => TypeOf(mix, tensor, columns));
        File.WriteAllBytes(
            _folder["model.gguf"],
            conversion.Write(builder => GgufConversion.AddMetadata(builder, architecture, config, metadata)));
        QuantizedFolder plain = new() { Config = config };
        foreach (var tensor in source.Tensors.Values)
        {
            var values = conversion.Rounded.TryGetValue(tensor.Name, out var rounded)
                ? rounded : CheckpointFiles.Floats(source, tensor.Name);
            plain.Add(tensor.Name, TensorType.F32, values, [.. tensor.Shape]);
        }

        plain.Write(_folder["plain"]);
    }

    private static long[] Shape(string name, JsonObject config)
    {
        var hidden = Size("hidden_size");
        var queries = Size("num_attention_heads") * Size("head_dim");
        var keys = Size("num_key_value_heads") * Size("head_dim");
        var inner = name.Contains("experts", StringComparison.Ordinal)
            ? Size("moe_intermediate_size") : Size("intermediate_size");
        return name.Split('.')[^2] switch
        {
            "embed_tokens" or "lm_head" => [Size("vocab_size"), hidden],
            "q_proj" => [queries, hidden],
            "k_proj" or "v_proj" => [keys, hidden],
            "o_proj" => [hidden, queries],
            "gate_proj" or "up_proj" => [inner, hidden],
            "down_proj" => [hidden, inner],
            "gate" => [Size("num_local_experts"), hidden],
            "q_norm" or "k_norm" => [Size("head_dim")],
            _ => [hidden],
        };

        long Size(string key) => (long)config[key]!;
    }

    private ExportReport Export(string source, Precision precision, string? name = null)
    {
        using var checkpoint = Checkpoint.Open(_folder[source]);
        return Exporter.Export(
            checkpoint, _folder[$"{name ?? source}-package"], new ExportOptions { Precision = precision });
    }
}
