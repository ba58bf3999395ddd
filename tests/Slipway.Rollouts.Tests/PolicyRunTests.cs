using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Rollouts.Rewards;
using Slipway.Testing;
using Slipway.Training.Data;
using Slipway.Training.Recipes;
using Slipway.Training.Running;

namespace Slipway.Rollouts;

/// <summary>Trains the device assistant by rewards of its own answers.</summary>
public sealed class PolicyRunTests(ITestOutputHelper output) : IDisposable
{
    private const string Lora = """
        "adapter": {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj", "up_proj"]},
        """;

    private static readonly (string Request, string Answer)[] Requests =
    [
        ("Fetch me a cab, would you?", "Sorry, I have no tool for taxis."),
        ("I fancy some sushi tonight.", "Sorry, I have no tool for food orders."),
        ("Ahoy!", "Hello! What can I do for you?"),
        ("Many thanks, pal!", "You are welcome."),
    ];

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
        var page = File.ReadAllText(Path.Combine(_folder["out"], "trainer", "report.html"));
        Assert.Contains("<img alt=\"reward by step\" src=\"data:image/png;base64,iVBORw0KGgo", page,
            StringComparison.Ordinal);
        Assert.Contains("{&quot;kind&quot;: &quot;tool_calls&quot;}", page, StringComparison.Ordinal);
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
    [InlineData("\"rewards\": [{\"kind\": \"tool_calls\"}], \"accumulation\": 2", "",
        "'stages' has one of the kind 'grpo' with 'accumulation', and its answers are written for a step at once; "
        + "raise 'batch_size' instead.")]
    [InlineData("\"rewards\": [{\"kind\": \"tool_calls\"}]",
        "\"adapter\": {\"peft_type\": \"IA3\", \"target_modules\": [\"k_proj\"], \"feedforward_modules\": []},",
        "'adapter' cannot go with stages of the kind 'grpo', unless it is 'lora': the model is exported.")]
    [InlineData("\"rewards\": [{\"kind\": \"tool_calls\"}], \"beta\": 0.1", "\"teacher\": \"TEACHER\",",
        "'stages' has one of the kind 'grpo' with 'beta', which is held to 'start', beside a 'teacher'; use two "
        + "recipes.")]
    public void Start_OfARecipeThatContradictsItself_SaysWhy(string rewards, string keys, string expected)
    {
        keys = keys.Replace("TEACHER", DeviceAssistant.Folder, StringComparison.Ordinal);
        var error = Assert.Throws<RecipeException>(() => Run("out", keys, $"""
            "kind": "grpo", "steps": 1, "learning_rate": 1e-4, {rewards}
            """));
        Assert.StartsWith(expected, error.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Start_OfAnswersThatAreAllWorthTheSame_LeavesTheWeights()
    {
        // 0.1 has no exact double: a mean of equal rewards may differ from them by a rounding.
        const string Stage = """
            "kind": "grpo", "rewards": [{"kind": "same"}], "group_size": 3, "max_answer_tokens": 8, "beta": 0,
            "steps": 1, "learning_rate": 1e-2, "schedule": "constant"
            """;
        var rollouts = new OnnxRollouts(
            new Dictionary<string, Func<RewardRecipe, IReward>> { ["same"] = _ => new Same() });
        TrainingRun.Start(
            Write("out", "", Stage), rollouts: rollouts, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(0, (double)Log("out").Single()["learned_answers"]!);
        Assert.Equal(0, (double)Log("out").Single()["loss"]!);
    }

    [Fact]
    public void Start_WherePromptsLeaveNoRoomForAnswers_SaysHowLongTheyMayBe()
    {
        var error = Assert.Throws<TrainingException>(
            () => Run("out", "", Stage(1, 1e-4).Replace("60", "127", StringComparison.Ordinal)));
        Assert.Equal(
            "None of the 4 prompts has at most 1 tokens, which leave room for an answer. Raise 'sequence_length', or "
            + "lower 'max_answer_tokens'.", error.Message);
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

    [Fact]
    public void Start_OfDpoFromItsMistakes_PairsThemWithRightAnswers()
    {
        const string Data = """
            {"conversations": "requests.jsonl", "mistakes": {"rewards": [{"kind": "tool_calls"}], "max_answer_tokens": 60}}
            """;
        const string Stage = """
            "kind": "dpo", "chosen_weight": 1, "steps": 6, "learning_rate": 2e-4, "schedule": "constant"
            """;
        Run("whole", "", Stage, data: Data);
        var pairs = File.ReadAllLines(Path.Combine(_folder["whole"], "trainer", "mistakes.jsonl"))
            .Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.InRange(pairs.Length, 1, 3);
        Assert.All(pairs, pair =>
        {
            output.WriteLine(pair.ToJsonString());
            var request = (string)pair["prompt"]![0]!["content"]!;
            Assert.Equal(
                Requests.Single(one => one.Request == request).Answer, (string)pair["chosen"]![0]!["content"]!);
            Assert.NotEqual((string)pair["chosen"]![0]!["content"]!, (string)pair["rejected"]![0]!["content"]!);
        });
        var losses = Log("whole").Select(row => (double)row["loss"]!).ToArray();
        Assert.True(losses[^1] < losses[0] - 0.1, string.Join(' ', losses));

        // The pairs are those of the start, also where the run goes on.
        Assert.Throws<OperationCanceledException>(() => Run("parts", "", Stage, stopAt: 2, data: Data));
        Run("parts", "", Stage, data: Data);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(_folder["whole"], "model.dat")),
            File.ReadAllBytes(Path.Combine(_folder["parts"], "model.dat")));
    }

    [Theory]
    [InlineData("sft", "", "'stages' has one of the kind 'sft', which needs conversations; 'data' holds preferences.")]
    [InlineData("dpo", ", \"evaluation\": \"requests.jsonl\"",
        "'data' has 'mistakes', which are all learned from; expected no held-out data.")]
    public void Start_OfMistakesThatCannotBe_SaysWhy(string kind, string data, string expected)
    {
        var error = Assert.Throws<RecipeException>(() => Run("out", "", $"""
            "kind": "{kind}", "steps": 1, "learning_rate": 1e-4
            """, data: $$"""
            {"conversations": "requests.jsonl", "mistakes": {"rewards": [{"kind": "tool_calls"}]}{{data}}}
            """));
        Assert.Equal(expected, error.Errors[0]);
    }

    private static string Stage(int steps, double rate) => string.Create(CultureInfo.InvariantCulture, $$"""
        "kind": "grpo", "rewards": [{"kind": "tool_calls"}], "group_size": 8, "max_answer_tokens": 60, "beta": 0,
        "steps": {{steps}}, "learning_rate": {{rate}}, "schedule": "constant"
        """);

    private TrainingReport Run(
        string output, string keys, string stage, long? stopAt = null,
        string data = "{\"conversations\": \"requests.jsonl\"}")
    {
        using var cancel = new CancellationTokenSource();
        return TrainingRun.Start(
            Write(output, keys, stage, data), new Watcher(progress =>
            {
                if (progress.Stage >= 0 && progress.Step == stopAt)
                {
                    cancel.Cancel();
                }
            }), new OnnxRollouts(), cancel.Token);
    }

    // Four requests that the assistant mostly gets wrong, again and again.
    private string Write(
        string output, string keys, string stage, string data = "{\"conversations\": \"requests.jsonl\"}")
    {
        File.WriteAllLines(_folder["requests.jsonl"], Requests.Select(one => Line(one.Request, one.Answer)));
        var path = _folder[$"{output}.json"];
        var start = DeviceAssistant.Folder;
        File.WriteAllText(path, $$"""
            {"name": "{{output}}", "output": "{{output}}", "seed": 1, "threads": 2, "start": "{{start}}", {{keys}}
             "tokenizer": {"path": "{{start}}/tokenizer.json", "end_token": "<|end|>"},
             "chat_template": "{{start}}/chat_template.jinja", "data": {{data}},
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

    private sealed class Same : IReward
    {
        public ValueTask<double> ScoreAsync(
            Conversation conversation, ChatResponse answer, CancellationToken cancellationToken) => new(0.1);
    }

    private sealed class Watcher(Action<TrainingProgress> watch) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => watch(value);
    }
}
