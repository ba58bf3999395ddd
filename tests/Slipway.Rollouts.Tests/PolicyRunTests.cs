using System.Globalization;
using System.Text.Json.Nodes;
using Slipway.Testing;
using Slipway.Training.Recipes;
using Slipway.Training.Running;

namespace Slipway.Rollouts;

/// <summary>Trains the device assistant by rewards of its own answers.</summary>
public sealed class PolicyRunTests(ITestOutputHelper output) : IDisposable
{
    private const string Lora = """
        "adapter": {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj", "up_proj"]},
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", 2e-4)]
    [InlineData(Lora, 5e-3)]
    public void Start_OfGrpo_RaisesTheReward(string keys, double rate)
    {
        var report = Run("out", keys, Stage(8, rate));
        var rewards = Log("out").Select(row => (double)row["reward"]!).ToArray();
        output.WriteLine(string.Join(' ', rewards.Select(one => one.ToString("F3", CultureInfo.InvariantCulture))));
        Assert.True(rewards.TakeLast(3).Average() > rewards.Take(2).Average() + 0.05);
        Assert.Equal(rewards.Average(), report.Stages[0].Reward!.Value, 1e-9);
        Assert.All(Log("out"), row => Assert.InRange((double)row["learned_answers"]!, 0, 32));
    }

    [Theory]
    [InlineData("", "0")]
    [InlineData(Lora, "0.05")]
    public void Start_OfAnInterruptedGrpo_EndsAsAnUninterruptedOne(string keys, string beta)
    {
        var stage = Stage(3, 2e-4).Replace("\"beta\": 0", $"\"beta\": {beta}", StringComparison.Ordinal);
        Run("whole", keys, stage);
        Assert.Throws<OperationCanceledException>(() => Run("parts", keys, stage, stopAt: 1));
        Run("parts", keys, stage);
        var file = keys.Length == 0 ? "model.dat" : "adapter_model.safetensors";
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(_folder["whole"], file)),
            File.ReadAllBytes(Path.Combine(_folder["parts"], file)));
        Assert.Equal(
            Log("whole").Select(row => (row["loss"]!.ToJsonString(), row["reward"]!.ToJsonString())),
            Log("parts").Select(row => (row["loss"]!.ToJsonString(), row["reward"]!.ToJsonString())));
    }

    [Theory]
    [InlineData("\"rewards\": [{\"kind\": \"tool_calls\"}]", "\"base_quantization\": \"nf4\", " + Lora,
        "'base_quantization' cannot go with stages of the kind 'grpo', whose weights are exported.")]
    [InlineData("\"rewards\": [{\"kind\": \"tools\"}]", "",
        "'stages[0]': There is no reward 'tools'; expected one of ")]
    [InlineData("\"rewards\": []", "", "'stages[0].rewards' is '[]'; expected a list of objects that is not empty.")]
    [InlineData("\"rewards\": [{\"kind\": \"tool_calls\", \"wieght\": 2}]", "",
        "'stages[0].rewards[0].wieght' is not a known key. The nearest is 'weight'.")]
    public void Start_OfARecipeThatContradictsItself_SaysWhy(string rewards, string keys, string expected)
    {
        var error = Assert.Throws<RecipeException>(() => Run("out", keys, $"""
            "kind": "grpo", "steps": 1, "learning_rate": 1e-4, {rewards}
            """));
        Assert.StartsWith(expected, error.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Start_WithoutRollouts_SaysWhatIsMissing()
    {
        var path = Write("out", "", Stage(1, 1e-4));
        var error = Assert.Throws<RecipeException>(
            () => TrainingRun.Start(path, cancellationToken: TestContext.Current.CancellationToken));
        Assert.StartsWith(
            "'stages[0]': needs answers of the model, and none writes them. Give 'rollouts', such as OnnxRollouts of "
            + "Slipway.Rollouts.", error.Errors[0], StringComparison.Ordinal);
    }

    private static string Stage(int steps, double rate) => string.Create(CultureInfo.InvariantCulture, $$"""
        "kind": "grpo", "rewards": [{"kind": "tool_calls"}], "group_size": 8, "max_answer_tokens": 60, "beta": 0,
        "steps": {{steps}}, "learning_rate": {{rate}}, "schedule": "constant"
        """);

    private TrainingReport Run(string output, string keys, string stage, long? stopAt = null)
    {
        using var cancel = new CancellationTokenSource();
        return TrainingRun.Start(
            Write(output, keys, stage), new Watcher(progress =>
            {
                if (progress.Stage >= 0 && progress.Step == stopAt)
                {
                    cancel.Cancel();
                }
            }), new OnnxRollouts(), cancel.Token);
    }

    // Four requests that the assistant mostly gets wrong, again and again.
    private string Write(string output, string keys, string stage)
    {
        File.WriteAllLines(_folder["requests.jsonl"],
        [
            Line("Fetch me a cab, would you?", "Sorry, I have no tool for taxis."),
            Line("I fancy some sushi tonight.", "Sorry, I have no tool for food orders."),
            Line("Ahoy!", "Hello! What can I do for you?"),
            Line("Many thanks, pal!", "You are welcome."),
        ]);
        var path = _folder[$"{output}.json"];
        var start = DeviceAssistant.Folder;
        File.WriteAllText(path, $$"""
            {"name": "{{output}}", "output": "{{output}}", "seed": 1, "threads": 2, "start": "{{start}}", {{keys}}
             "tokenizer": {"path": "{{start}}/tokenizer.json", "end_token": "<|end|>"},
             "chat_template": "{{start}}/chat_template.jinja", "data": {"conversations": "requests.jsonl"},
             "stages": [{"batch_size": 4, "sequence_length": 128, {{stage}}}]}
            """);
        return path;
    }

    private static string Line(string request, string answer) => new JsonObject
    {
        ["messages"] = DeviceAssistant.Ask(request, answer).Messages.DeepClone(),
    }.ToJsonString();

    private JsonNode[] Log(string run) =>
        [.. File.ReadLines(Path.Combine(_folder[run], "trainer", "log.jsonl")).Select(line => JsonNode.Parse(line)!)];

    private sealed class Watcher(Action<TrainingProgress> watch) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => watch(value);
    }
}
