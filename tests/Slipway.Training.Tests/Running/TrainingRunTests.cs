using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Running;

public sealed class TrainingRunTests
{
    private const string Model = """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 300, "hidden_size": 32,
         "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
         "head_dim": 16, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "rope_theta": 10000,
         "hidden_act": "silu", "tie_word_embeddings": true, "eos_token_id": 1, "torch_dtype": "float32"}
        """;

    [Fact]
    public void Start_FromACheckpoint_GoesOnFromItsWeights()
    {
        using var folder = new TemporaryFolder();
        using var first = new CausalLanguageModel(ModelConfig.Parse(JsonNode.Parse(Model)!.AsObject(), "test"), 77);
        Directory.CreateDirectory(folder["first"]);
        File.WriteAllText(Path.Combine(folder["first"], "config.json"), Model);
        TorchSharpWriter.Write(Path.Combine(folder["first"], "model.dat"), first, float32);

        TrainingRun.Start(Recipe(folder, "first"), cancellationToken: TestContext.Current.CancellationToken);

        using var trained = Checkpoint.Open(folder["out"]);
        var worst = 0f;
        foreach (var (name, parameter) in first.named_parameters())
        {
            var values = new float[parameter.numel()];
            trained.ReadFloats(name, 0, values);
            worst = Math.Max(worst, parameter.data<float>().Zip(values, (a, b) => Math.Abs(a - b)).Max());
        }

        Assert.InRange(worst, 0, 1e-6f);
    }

    [Fact]
    public void Start_FromACheckpointThatIsNotThere_SaysSoBeforeItWritesAnything()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.ThrowsAny<IOException>(() => TrainingRun.Start(
            Recipe(folder, "nowhere"), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains(folder["nowhere"], error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["out"]));
    }

    private static string Recipe(TemporaryFolder folder, string start)
    {
        File.WriteAllText(folder["text.txt"], string.Join('\n', Enumerable.Range(0, 200).Select(i => $"line {i * i}")));
        File.WriteAllText(folder["recipe.json"], $$"""
            {
              "name": "on", "output": "out", "seed": 1, "threads": 1, "start": "{{start}}", "model": {{Model}},
              "tokenizer": {
                "train": { "vocab_size": 300, "special_tokens": ["<|end|>"], "added_tokens": [] },
                "end_token": "<|end|>"
              },
              "data": { "text": "text.txt" },
              "stages": [{
                "kind": "pretrain", "steps": 1, "batch_size": 2, "sequence_length": 16, "learning_rate": 1e-10
              }]
            }
            """);
        return folder["recipe.json"];
    }
}
