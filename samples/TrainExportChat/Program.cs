// Train, export and chat in one program: dotnet run -c Release --project samples/TrainExportChat [STEPS]
// 220 steps take seconds and teach a small model a handful of answers by heart.
using System.Globalization;
using Microsoft.Extensions.AI;
using Slipway;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Training.Running;

var steps = int.Parse(args.FirstOrDefault() ?? "220", CultureInfo.InvariantCulture);
var folder = Directory.CreateTempSubdirectory("slipway-").FullName;
try
{
    // 1. Data: conversations, one a line. A dozen is enough to see a model learn them by heart.
    string[] colours = ["red", "green", "blue", "white", "black", "yellow"];
    var conversations = Path.Combine(folder, "conversations.jsonl");
    File.WriteAllLines(conversations, colours.Select(colour =>
        $$"""{"messages":[{"role":"user","content":"Name a thing that is {{colour}}."},{"role":"assistant","content":"A {{colour}} boat."}]}"""));

    // 2. Train: the recipe says what `slipway train` would read from a file.
    var template = Path.Combine(folder, "template.jinja");
    File.WriteAllText(template,
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt "
        + "%}<|assistant|>{% endif %}");
    var recipe = Path.Combine(folder, "recipe.json");
    File.WriteAllText(recipe, $$"""
        {
          "name": "colours", "output": "checkpoint", "seed": 1,
          "model": { "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
            "max_position_embeddings": 128, "tie_word_embeddings": true },
          "tokenizer": { "train": { "vocab_size": 320, "special_tokens": ["<|end|>", "<|user|>", "<|assistant|>"] },
            "end_token": "<|end|>" },
          "chat_template": "template.jinja",
          "data": { "conversations": "conversations.jsonl" },
          "stages": [{ "kind": "sft", "steps": {{steps}}, "batch_size": 6, "sequence_length": 64, "learning_rate": 5e-3,
            "warmup_steps": 5 }]
        }
        """);
    var training = TrainingRun.Start(recipe, new Progress());
    Console.WriteLine($"\n{training.Parameters} parameters, {training.Steps} steps.");

    // 3. Export: from the TorchSharp checkpoint to an int4 package.
    var package = Path.Combine(folder, "package");
    using (var checkpoint = Checkpoint.Open(training.Checkpoint))
    {
        var report = Exporter.Export(checkpoint, package, new ExportOptions { Precision = Precision.Int4 });
        Console.WriteLine($"{report.Bytes} bytes of package.");
    }

    // 4. Chat.
    using IChatClient client = new OnnxChatClient(package);
    foreach (var colour in colours)
    {
        var question = $"Name a thing that is {colour}.";
        Console.WriteLine($"{question} {await client.GetResponseAsync(question, new() { MaxOutputTokens = 16 })}");
    }
}
finally
{
    Directory.Delete(folder, recursive: true);
}

internal sealed class Progress : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) =>
        Console.Write(
            FormattableString.Invariant($"\r{value.Phase} {value.Step}/{value.Steps} loss {value.Loss:F3}   "));
}
