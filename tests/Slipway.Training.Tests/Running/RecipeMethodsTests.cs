using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Tokenization;
using Slipway.Training.Adapters;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running;

public sealed class RecipeMethodsTests
{
    private const string Chat = """{"conversations": "chat.jsonl", "evaluation": "chat.jsonl"}""";
    private const string Pairs = """{"preferences": "pairs.jsonl", "evaluation": "pairs.jsonl"}""";
    private const string Lora =
        """
        "adapter": {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "lora_dropout": 0.2},
        """;

    [Theory]
    [InlineData("dpo", "")]
    [InlineData("ipo", ", \"beta\": 0.3")]
    [InlineData("simpo", ", \"gamma\": 0.1")]
    [InlineData("orpo", ", \"lambda\": 0.2")]
    [InlineData("kto", ", \"desirable_weight\": 1.5")]
    public void Start_OfAPreferenceRecipe_LowersTheLoss(string kind, string settings)
    {
        using var folder = new RecipeFolder();
        folder.Train("out", "", Pairs, $"""
            "kind": "{kind}", "steps": 12, "learning_rate": 2e-3, "schedule": "constant" {settings}
            """);
        var (steps, evaluations) = folder.Log("out");
        Assert.True(evaluations[^1] < steps[0] - 0.005, $"{kind}: {steps[0]} to {evaluations[^1]}");
        using var trained = folder.Load("out");
    }

    // Twelve pairs in batches of four, of training and of evaluation.
    [Fact]
    public void Start_OfAPreferenceRecipe_TellsHowManyPairsWereScored()
    {
        using var folder = new RecipeFolder();
        var scored = new List<(long Pairs, long Of)>();
        folder.Train("out", "", Pairs, """
            "kind": "dpo", "steps": 1, "learning_rate": 1e-3
            """, watch: progress =>
        {
            if (progress.Phase == "reference")
            {
                scored.Add((progress.Step, progress.Steps));
            }
        });
        Assert.Equal([(4, 12), (8, 12), (12, 12), (4, 12), (8, 12), (12, 12)], scored);
    }

    [Fact]
    public void Start_LogsEachStep_BeforeTheNextOne()
    {
        using var folder = new RecipeFolder();
        var logged = new List<int>();
        var report = folder.Train("out", "", Chat, """
            "kind": "sft", "steps": 3, "learning_rate": 1e-3
            """, watch: progress =>
        {
            if (progress.Loss is not null)
            {
                using var file = new FileStream(
                    Path.Combine(folder["out"], "trainer", "log.jsonl"), FileMode.Open, FileAccess.Read,
                    FileShare.ReadWrite);
                logged.Add(new StreamReader(file).ReadToEnd().Count(letter => letter == '\n'));
            }
        });
        Assert.Equal([1, 2, 3], logged);
        Assert.InRange(report.PeakMemoryBytes, 50L << 20, 1L << 36);
    }

    [Theory]
    [InlineData("LORA", "\"use_dora\": true, \"use_rslora\": true, \"rank_pattern\": {\"down_proj\": 2},")]
    [InlineData("IA3", "\"target_modules\": [\"k_proj\", \"v_proj\", \"down_proj\"],")]
    [InlineData("PROMPT_TUNING", "")]
    [InlineData("PREFIX_TUNING", "")]
    [InlineData("BOTTLENECK", "\"bottleneck_size\": 4, \"target_modules\": [\"o_proj\"],")]
    public void Start_OfAnAdapterRecipe_WritesAnAdapterThatLoads(string type, string settings)
    {
        using var folder = new RecipeFolder();
        folder.Train(
            "out", $"\"adapter\": {{{settings} \"peft_type\": \"{type}\", \"num_virtual_tokens\": 4}},", Chat,
            """
            "kind": "sft", "steps": 10, "learning_rate": 2e-2, "optimizer": "adamw", "schedule": "wsd",
            "decay_steps": 3, "label_smoothing": 0.05, "z_loss": 1e-4
            """);
        var (steps, evaluations) = folder.Log("out");
        Assert.True(evaluations[^1] < steps[0] - 0.05, $"{type}: {steps[0]} to {evaluations[^1]}");
        Assert.False(File.Exists(Path.Combine(folder["out"], "config.json")));
        using var model = folder.Load();
        using var adapter = ModelAdapter.Load(model, folder["out"]);
        Assert.Equal(folder["base"], adapter.Config.BaseModel);
    }

    [Theory]
    [InlineData("nf4")]
    [InlineData("int4")]
    public void Start_OverAQuantizedBase_WritesAnAdapterThatMerges(string type)
    {
        using var folder = new RecipeFolder();
        folder.Train("out", $"{Lora} \"base_quantization\": \"{type}\",", Chat, """
            "kind": "sft", "steps": 10, "learning_rate": 1e-2, "optimizer": "lion"
            """);
        using var merged = LoraAdapter.Open(folder["out"]).MergeInto(Checkpoint.Open(folder["base"]));
        Assert.Equal(7, LoraAdapter.Open(folder["out"]).Targets.Count);
        Assert.NotEmpty(merged.Tensors);
    }

    [Theory]
    [InlineData("dpo", "\"preferences\": \"pairs.jsonl\"")]
    [InlineData("sft", "\"conversations\": \"chat.jsonl\"")]
    public void Start_OfAnInterruptedAdapterWithDropout_EndsAsAnUninterruptedOne(string kind, string data)
    {
        using var folder = new RecipeFolder();
        var stage = $"""
            "kind": "{kind}", "steps": 8, "learning_rate": 1e-2, "checkpoint_every": 2, "optimizer": "adafactor",
            "accumulation": 2
            """;
        folder.Train("whole", Lora, $"{{{data}}}", stage);
        Assert.Throws<OperationCanceledException>(() => folder.Train("parts", Lora, $"{{{data}}}", stage, stopAt: 5));
        folder.Train("parts", Lora, $"{{{data}}}", stage);
        Assert.Equal(Weights("whole"), Weights("parts"));
        Assert.Equal(folder.Log("whole").Steps, folder.Log("parts").Steps);

        byte[] Weights(string run) => File.ReadAllBytes(Path.Combine(folder[run], "adapter_model.safetensors"));
    }

    [Fact]
    public void Start_OfADistillation_LowersTheLoss()
    {
        using var folder = new RecipeFolder();
        folder.Train("teacher", "", Chat, "\"kind\": \"sft\", \"steps\": 30, \"learning_rate\": 1e-2");
        folder.Train("out", "\"teacher\": \"teacher\",", Chat, """
            "kind": "distill", "steps": 20, "learning_rate": 5e-3, "temperature": 1.5, "alpha": 0.8, "reverse_kl": true
            """);
        var (steps, evaluations) = folder.Log("out");
        Assert.True(evaluations[^1] < 0.7 * steps[0], $"{steps[0]} to {evaluations[^1]}");
    }

    [Fact]
    public void Start_WithSamples_LogsTheModelsOwnTextsAtEachEvaluation()
    {
        using var folder = new RecipeFolder();
        const string stage = """
            "kind": "sft", "steps": 60, "learning_rate": 1e-2, "evaluate_every": 20, "sample_tokens": 6
            """;
        folder.Train("out", "", Chat, $"{stage.TrimEnd()}, \"samples\": [\"3 + 1?\", \"7 + 1?\"]");
        var samples = File.ReadLines(Path.Combine(folder["out"], "trainer", "log.jsonl"))
            .Select(line => JsonNode.Parse(line)!).Where(row => row["text"] is not null).ToArray();
        Assert.Equal([20, 20, 40, 40, 60, 60], samples.Select(row => (int)row["step"]!));
        Assert.Equal("7 + 1?", (string?)samples[^1]["prompt"]);

        // They change nothing of what is trained.
        folder.Train("plain", "", Chat, stage.TrimEnd());
        Assert.Equal(folder.Log("plain").Steps, folder.Log("out").Steps);

        // The last ones are what the trained model says of itself, token by token.
        using var model = folder.Load("out");
        var tokenizer = HuggingFaceTokenizer.Load(folder["out"]);
        var ids = tokenizer.Encode("<|user|>7 + 1?<|end|><|assistant|>", addSpecialTokens: false).ToList();
        var written = new List<int>();
        using var untracked = TorchSharp.torch.no_grad();
        while (written.Count < 6)
        {
            using var logits = model.forward(
                TorchSharp.torch.tensor(ids.Select(id => (long)id).ToArray()).view(1, ids.Count));
            var next = (int)logits[0, ids.Count - 1].argmax().item<long>();
            if (next == tokenizer.TokenToId("<|end|>"))
            {
                break;
            }

            written.Add(next);
            ids.Add(next);
        }

        Assert.Equal(tokenizer.Decode([.. written], skipSpecialTokens: false), (string?)samples[^1]["text"]);
    }

    [Fact]
    public void Start_WithPatience_StopsEarlyWithTheBestWeights()
    {
        using var folder = new RecipeFolder();
        File.WriteAllText(folder["other.jsonl"], """
            {"messages": [{"role": "user", "content": "say no"}, {"role": "assistant", "content": "no, never at all"}]}
            """);
        const string Data = """{"conversations": "chat.jsonl", "evaluation": "other.jsonl"}""";
        folder.Train("out", "", Data, """
            "kind": "sft", "steps": 400, "learning_rate": 1e-2, "evaluate_every": 5, "patience": 2
            """);
        var (steps, evaluations) = folder.Log("out");
        Assert.True(steps.Length < 400);
        var best = evaluations.Min();
        Assert.Equal(best, evaluations[^3]);

        // A step of nothing evaluates the weights that the run ended with.
        folder.Train("again", "", Data, "\"kind\": \"sft\", \"steps\": 1, \"learning_rate\": 1e-12");
        folder.Run("end", File.ReadAllText(folder["again.json"])
            .Replace("\"start\": \"base\"", "\"start\": \"out\"", StringComparison.Ordinal)
            .Replace("\"output\": \"again\"", "\"output\": \"end\"", StringComparison.Ordinal));
        Assert.Equal(best, folder.Log("end").Evaluations[^1], 1e-5);
    }

    [Fact]
    public void Start_WithExamplesThatDoNotFit_CountsThem()
    {
        using var folder = new RecipeFolder();
        var text = new string('x', 80);
        File.WriteAllText(folder["long.jsonl"], $$"""
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b {{text}}"}]}
            {"messages": [{"role": "user", "content": "{{text}}"}, {"role": "assistant", "content": "b"}]}
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
            """);
        var report = folder.Train("out", "", """{"conversations": "long.jsonl"}""", """
            "kind": "sft", "steps": 1, "learning_rate": 1e-3
            """);
        Assert.Equal((1, 1), (report.Stages[0].Cut, report.Stages[0].LeftOut));
    }

    [Theory]
    [InlineData(
        "\"adapter\": {\"peft_type\": \"LORA\", \"rank\": 4},", Chat, "\"kind\": \"sft\"",
        "'adapter.rank' is not a known key. The nearest is 'r'.")]
    [InlineData(
        "", Chat, "\"kind\": \"dpo\"",
        "'stages' has one of the kind 'dpo', which needs preferences; 'data' holds conversations.")]
    [InlineData(
        "", Pairs, "\"kind\": \"sft\"",
        "'stages' has one of the kind 'sft', which needs conversations; 'data' holds preferences.")]
    [InlineData(
        "\"base_quantization\": \"nf4\",", Chat, "\"kind\": \"sft\"",
        "'adapter' is missing; weights in 4-bit codes are not trained themselves.")]
    [InlineData(
        "", Chat, "\"kind\": \"distill\"",
        "'teacher' belongs to stages of the kind 'distill'; expected both or neither.")]
    [InlineData(
        "", Chat, "\"kind\": \"sft\", \"patience\": 3",
        "'stages' has one with 'patience', which needs 'evaluate_every' and held-out data.")]
    [InlineData(
        "", Chat, "\"kind\": \"sft\", \"beta\": 3",
        "'stages[0].beta' is not a known key. The nearest is '")]
    public void Start_OfARecipeThatContradictsItself_SaysWhy(string keys, string data, string stage, string expected)
    {
        using var folder = new RecipeFolder();
        var error = Assert.Throws<RecipeException>(() => folder.Train(
            "out", keys, data, $"{stage}, \"steps\": 1, \"learning_rate\": 1"));
        Assert.StartsWith(expected, Assert.Single(error.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Start_OfAnAdapterThatRunsAway_StopsWithItsLastCheckpoint()
    {
        using var folder = new RecipeFolder();
        var error = Assert.Throws<TrainingException>(() => folder.Train("out", Lora, Chat, """
            "kind": "sft", "steps": 50, "learning_rate": 100, "weight_decay": 100, "schedule": "constant",
            "checkpoint_every": 1
            """));
        Assert.Matches("^Step [0-9]+ of stage 1 \\('sft'\\) has the loss ", error.Message);
        Assert.EndsWith("state.safetensors', is untouched.", error.Message, StringComparison.Ordinal);
        using var model = folder.Load();
        using var adapter = ModelAdapter.Load(model, folder["out"]);
        Assert.All(adapter.Parameters, one => Assert.True(one.Weight.isfinite().all().item<bool>()));
    }
}
