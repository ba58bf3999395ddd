using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Checkpoints.Tests.Gguf;
using Slipway.Testing;
using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>Loads models from other formats than a folder of safetensors.</summary>
public sealed class StartFormatsTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("llama", "llama", "rope.freq_base=500000")]
    [InlineData("qwen2", "qwen2")]
    [InlineData("qwen3", "qwen3", "attention.key_length=head_dim")]
    [InlineData(
        "gemma2", "gemma2", "attention.key_length=head_dim", "attention.sliding_window=sliding_window",
        "attn_logit_softcapping=attn_logit_softcapping", "final_logit_softcapping=final_logit_softcapping")]
    [InlineData(
        "gemma3", "gemma3", "attention.key_length=head_dim", "attention.sliding_window=sliding_window",
        "rope.freq_base=1000000")]
    [InlineData("smollm3", "smollm3", "rope.freq_base=2000000")]
    [InlineData(
        "mixtral", "llama", "rope.freq_base=1000000", "expert_count=num_local_experts",
        "expert_used_count=num_experts_per_tok")]
    [InlineData(
        "qwen3-moe", "qwen3moe", "attention.key_length=head_dim", "expert_count=num_local_experts",
        "expert_used_count=num_experts_per_tok", "expert_feed_forward_length=moe_intermediate_size")]
    public void Logits_OfAGgufFile_EqualTheReference(string name, string architecture, params string[] metadata)
    {
        using var folder = new TemporaryFolder();
        using (var source = Checkpoint.Open(SharedAssets.Path("tiny", name)))
        {
            File.WriteAllBytes(folder["model.gguf"], new GgufConversion(source, architecture).Write(
                builder => GgufConversion.AddMetadata(builder, architecture, source.Config, metadata)));
        }

        AssertLogits(folder["model.gguf"], name);
    }

    [Theory]
    [InlineData("mixtral", "block_sparse_moe", new[] { "w1", "w3", "w2" }, "mlp")]
    [InlineData("qwen3-moe", "mlp", new[] { "gate_proj", "up_proj", "down_proj" }, "mlp")]
    public void Logits_OfStackedExperts_EqualTheReference(string name, string block, string[] parts, string renamed)
    {
        using var folder = new TemporaryFolder();
        using var source = Checkpoint.Open(SharedAssets.Path("tiny", name));
        Stack(source, folder.Path, block, parts, renamed);
        AssertLogits(folder.Path, name);
    }

    [Fact]
    public void Load_OfAStackWithMoreExpertsThanTheModel_NamesIt()
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(
            folder["model.safetensors"], [SafetensorsEntry.From("mlp.experts.down_proj", new float[12], 2, 2, 3)]);
        using var stored = Checkpoint.Open(folder["model.safetensors"]);
        using var module = new ModuleGroup("model");
        ModuleTree.Add(module, "mlp.experts.1.down_proj.weight", new Parameter(zeros(2, 3)));
        var error = Assert.Throws<CheckpointException>(() => CheckpointWeights.Load(module, stored));
        Assert.Equal(
            $"Tensor 'mlp.experts.down_proj' of '{stored.Path}' has shape [2, 2, 3], of which the model takes 1 "
            + "matrices. Its configuration and its weights are not of one model.", error.Message);
        Assert.Equal("mlp.experts.down_proj", error.Tensor);
    }

    // The real one: SmolLM2-135M in 4 bits.
    [Fact]
    public void Probabilities_OfAPublishedGgufFile_EqualTheReference()
    {
        using var start = Checkpoint.Open(
            SharedAssets.Path("smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf"));
        using var model = new CausalLanguageModel(ModelConfig.Parse(start.Config, start.Path));
        CheckpointWeights.Load(model, start);
        var expected = JsonNode.Parse(File.ReadAllText(
            SharedAssets.Path("smollm2-135m-instruct", "greedy.json")))!["cases"]![0]!;
        long[] prompt = Ids("prompt_ids"), answer = Ids("output_ids");
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        using var layout = new SequenceLayout([prompt.Length + answer.Length]);
        var steps = expected["top5_logprobs_first_steps"]!.AsArray();
        var logits = model.Logits(
            tensor([.. prompt, .. answer]), layout, arange(prompt.Length - 1, prompt.Length - 1 + steps.Count));
        var logs = logits.log_softmax(-1);
        var max = 0.0;
        for (var step = 0; step < steps.Count; step++)
        {
            foreach (var token in steps[step]!.AsArray())
            {
                max = Math.Max(
                    max, Math.Abs((double)token![1]! - logs[step, (long)token[0]!].item<float>()));
            }
        }

        output.WriteLine($"SmolLM2: largest difference of a log-probability {max:e2} over {steps.Count} steps");
        Assert.InRange(max, 0, 2e-4);

        long[] Ids(string key) => [.. expected[key]!.AsArray().Select(id => (long)id!)];
    }

    private void AssertLogits(string path, string name)
    {
        using var start = Checkpoint.Open(path);
        using var model = new CausalLanguageModel(ModelConfig.Parse(start.Config, start.Path));
        CheckpointWeights.Load(model, start);
        var max = DecoderLogitsTests.Difference(model, name);
        output.WriteLine($"{name}: largest difference of a logit {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }

    // Writes a checkpoint whose experts lie in two tensors a layer.
    private static void Stack(Checkpoint source, string folder, string block, string[] parts, string renamed)
    {
        var entries = new List<SafetensorsEntry>();
        var experts = source.Tensors.Keys.Where(name => name.Contains(".experts.", StringComparison.Ordinal)).ToArray();
        foreach (var name in source.Tensors.Keys.Except(experts))
        {
            entries.Add(SafetensorsEntry.From(
                name.Replace($"{block}.gate", $"{renamed}.gate", StringComparison.Ordinal), Floats(source, name),
                [.. source.Tensors[name].Shape]));
        }

        foreach (var layer in experts.GroupBy(
            name => name[..name.IndexOf($"{block}.experts", StringComparison.Ordinal)]))
        {
            var count = layer.Count() / 3;
            string Name(int expert, int part) => $"{layer.Key}{block}.experts.{expert}.{parts[part]}.weight";
            var (wide, narrow) = (source.Tensors[Name(0, 0)].Shape, source.Tensors[Name(0, 2)].Shape);
            entries.Add(SafetensorsEntry.From(
                $"{layer.Key}{renamed}.experts.gate_up_proj",
                [.. Enumerable.Range(0, count).SelectMany(expert =>
                    Floats(source, Name(expert, 0)).Concat(Floats(source, Name(expert, 1))))],
                count, 2 * wide[0], wide[1]));
            entries.Add(SafetensorsEntry.From(
                $"{layer.Key}{renamed}.experts.down_proj",
                [.. Enumerable.Range(0, count).SelectMany(expert => Floats(source, Name(expert, 2)))],
                count, narrow[0], narrow[1]));
        }

        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), entries);
        File.WriteAllText(Path.Combine(folder, "config.json"), source.Config.ToJsonString());
    }

    private static float[] Floats(Checkpoint checkpoint, string name)
    {
        var values = new float[checkpoint.Tensors[name].Count];
        checkpoint.ReadFloats(name, 0, values);
        return values;
    }
}
