using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>
/// What exports of large checkpoints take, each in a process of its own: gigabytes, so run by name only.
/// </summary>
/// <remarks><c>dotnet test --project tests/Slipway.Cli.Tests -c Release -- --explicit only</c></remarks>
public sealed class ExportCostTests(ITestOutputHelper output)
{
    private const int Hidden = 2048, Inner = 5632, Layers = 22, Heads = 32, KeyHeads = 4, Vocabulary = 32000;

    [Theory(Explicit = true)]
    [InlineData("fp16", 1200)]
    [InlineData("int4", 1200)]
    public async Task Export_Llama1B_StaysBelowTheMemory(string precision, int maxMegabytes)
    {
        using TemporaryFolder folder = new();
        WriteLlama(folder["checkpoint"]);
        await ExportAsync(folder, precision, maxMegabytes);
    }

    [Theory(Explicit = true)]
    [InlineData("fp32", 400)]
    [InlineData("fp16", 400)]
    [InlineData("int8", 400)]
    [InlineData("int4", 400)]
    public async Task Export_SmolLm2InFloat32_StaysBelowTheMemory(string precision, int maxMegabytes)
    {
        using TemporaryFolder folder = new();
        using (var gguf = Checkpoint.Open(
            Path.Combine(SharedAssets.Path("smollm2-135m-instruct"), "SmolLM2-135M-Instruct.Q4_1.gguf")))
        {
            Write(
                folder["checkpoint"], gguf.Config,
                gguf.Tensors.Values.Select(tensor => new SafetensorsEntry(
                    new TensorInfo(tensor.Name, TensorType.F32, tensor.Shape),
                    (start, bytes) =>
                        gguf.ReadFloats(tensor.Name, start / 4, MemoryMarshal.Cast<byte, float>(bytes)))));
        }

        await ExportAsync(folder, precision, maxMegabytes);
    }

    private async Task ExportAsync(TemporaryFolder folder, string precision, int maxMegabytes)
    {
        var tool = Path.Combine(AppContext.BaseDirectory, "Slipway.Cli.dll");
        using var export = Process.Start(new ProcessStartInfo(
            "dotnet",
            [tool, "export", folder["checkpoint"], "-o", folder["package"], "--precision", precision, "--json"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = export.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var json = await export.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await export.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(export.ExitCode == 0, await errors);
        var report = JsonNode.Parse(json)!;
        var megabytes = (long)report["peak_memory_bytes"]! / 1e6;
        output.WriteLine(
            $"{precision}: {report["parameters"]} weights to {(long)report["bytes"]! / 1e6:0} MB in "
            + $"{report["seconds"]} s, peak memory {megabytes:0} MB");
        Assert.InRange(megabytes, 0, maxMegabytes);
    }

    // 1.1 billion weights in bfloat16 between -0.008 and 0.008.
    private static void WriteLlama(string folder)
    {
        var head = Hidden / Heads;
        IEnumerable<(string Name, long[] Shape)> tensors =
        [
            ("model.embed_tokens.weight", [Vocabulary, Hidden]), ("model.norm.weight", [Hidden]),
            ("lm_head.weight", [Vocabulary, Hidden]),
            .. Enumerable.Range(0, Layers).SelectMany(layer => ((string, long[])[])
            [
                ("input_layernorm", [Hidden]), ("post_attention_layernorm", [Hidden]),
                ("self_attn.q_proj", [Hidden, Hidden]), ("self_attn.k_proj", [KeyHeads * head, Hidden]),
                ("self_attn.v_proj", [KeyHeads * head, Hidden]), ("self_attn.o_proj", [Hidden, Hidden]),
                ("mlp.gate_proj", [Inner, Hidden]), ("mlp.up_proj", [Inner, Hidden]),
                    ("mlp.down_proj", [Hidden, Inner]),
            ]).Select((part, place) => ($"model.layers.{place / 9}.{part.Item1}.weight", part.Item2)),
        ];
        JsonObject config = new()
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"), ["model_type"] = "llama", ["hidden_act"] = "silu",
            ["hidden_size"] = Hidden, ["intermediate_size"] = Inner, ["num_hidden_layers"] = Layers,
            ["num_attention_heads"] = Heads, ["num_key_value_heads"] = KeyHeads, ["vocab_size"] = Vocabulary,
            ["max_position_embeddings"] = 2048, ["rms_norm_eps"] = 1e-5, ["tie_word_embeddings"] = false,
        };
        Write(folder, config, tensors.Select(tensor => new SafetensorsEntry(
            new TensorInfo(tensor.Name, TensorType.BF16, tensor.Shape), Fill)));

        static void Fill(long start, Span<byte> bytes)
        {
            new Random((int)(start >> 10)).NextBytes(bytes);
            for (var high = 1; high < bytes.Length; high += 2)
            {
                bytes[high] = (byte)(0x3B | (bytes[high] & 0x80));
            }
        }
    }

    private static void Write(string folder, JsonObject config, IEnumerable<SafetensorsEntry> tensors)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), [.. tensors]);
    }
}
