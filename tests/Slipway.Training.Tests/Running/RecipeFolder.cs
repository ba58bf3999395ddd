using System.Text.Json.Nodes;
using Slipway.Testing;
using Slipway.Training.Models;

namespace Slipway.Training.Running;

/// <summary>A folder with a small model, its tokenizer, data and recipes that train it.</summary>
internal sealed class RecipeFolder : IDisposable
{
    private const string Template =
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
        + "{% if add_generation_prompt %}<|assistant|>{% endif %}";

    private readonly TemporaryFolder _folder = new();

    public RecipeFolder()
    {
        File.WriteAllText(this["template.jinja"], Template);
        File.WriteAllLines(this["text.txt"], Enumerable.Range(0, 60).Select(i => $"line {i * i}"));
        File.WriteAllLines(this["chat.jsonl"], Enumerable.Range(0, 12).Select(index =>
            $"{{\"messages\": [{Message("user", $"{index} + 1?")}, {Message("assistant", $"{index + 1}")}]}}"));
        File.WriteAllLines(this["pairs.jsonl"], Enumerable.Range(0, 12).Select(index =>
            $"{{\"prompt\": [{Message("user", $"{index} + 1?")}], "
            + $"\"chosen\": [{Message("assistant", $"{index + 1}")}], "
            + $"\"rejected\": [{Message("assistant", "no")}]}}"));
        Run("base", """
            {"name": "base", "output": "base", "seed": 1, "threads": 1, "model": {
               "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32,
               "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
               "head_dim": 16,
               "max_position_embeddings": 64, "tie_word_embeddings": true},
             "tokenizer": {"train": {"vocab_size": 300,
               "special_tokens": ["<|end|>", "<|user|>", "<|assistant|>"], "added_tokens": []},
               "end_token": "<|end|>"},
             "data": {"text": "text.txt"},
             "stages": [{"kind": "pretrain", "steps": 4, "batch_size": 2, "sequence_length": 32, "learning_rate": 1e-2}]}
            """);
    }

    public string this[string name] => _folder[name];

    /// <summary>Runs a recipe that starts from the small model.</summary>
    /// <param name="output">The run's folder.</param>
    /// <param name="keys">Further keys of the recipe, each with a comma behind it.</param>
    /// <param name="data">The key <c>data</c>.</param>
    /// <param name="stage">The keys of its stage but for sizes.</param>
    /// <param name="stopAt">The step behind which the run is interrupted.</param>
    /// <param name="watch">Sees each progress report.</param>
    public TrainingReport Train(string output, string keys, string data, string stage, long? stopAt = null,
        Action<TrainingProgress>? watch = null) => Run(
        output, $$"""
            {"name": "{{output}}", "output": "{{output}}", "seed": 1, "threads": 2, "start": "base", {{keys}}
             "tokenizer": {"path": "base/tokenizer.json", "end_token": "<|end|>"},
             "chat_template": "template.jinja", "data": {{data}},
             "stages": [{"batch_size": 4, "sequence_length": 32, {{stage}}}]}
            """, stopAt, watch);

    public TrainingReport Run(
        string name, string recipe, long? stopAt = null, Action<TrainingProgress>? watch = null)
    {
        File.WriteAllText(this[$"{name}.json"], recipe);
        using var cancel = new CancellationTokenSource();
        return TrainingRun.Start(this[$"{name}.json"], new Watcher(progress =>
        {
            watch?.Invoke(progress);
            if (progress.Loss is not null && progress.Step == stopAt)
            {
                cancel.Cancel();
            }
        }), cancellationToken: cancel.Token);
    }

    /// <summary>Loads the small model.</summary>
    public CausalLanguageModel Load(string name = "base")
    {
        using var stored = Slipway.Checkpoints.Checkpoint.Open(this[name]);
        var model = new CausalLanguageModel(ModelConfig.Parse(stored.Config, stored.Path));
        CheckpointWeights.Load(model, stored);
        return model;
    }

    /// <summary>The logged losses of steps, and of evaluations.</summary>
    public (double[] Steps, double[] Evaluations) Log(string output)
    {
        var rows = File.ReadLines(Path.Combine(this[output], "trainer", "log.jsonl"))
            .Select(line => JsonNode.Parse(line)!).ToArray();
        return (
            [.. rows.Where(row => row["loss"] is not null).Select(row => (double)row["loss"]!)],
            [.. rows.Where(row => row["evaluation_loss"] is not null).Select(row => (double)row["evaluation_loss"]!)]);
    }

    public void Dispose() => _folder.Dispose();

    private static string Message(string role, string content) =>
        $"{{\"role\": \"{role}\", \"content\": \"{content}\"}}";

    private sealed class Watcher(Action<TrainingProgress> watch) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => watch(value);
    }
}
