using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Rollouts.Rewards;
using Slipway.Testing;
using Slipway.Training.Data;
using Slipway.Training.Recipes;

namespace Slipway.Rollouts;

public sealed class RewardTests
{
    private static readonly JsonArray Tools = (JsonArray)JsonNode.Parse("""
        [{"type": "function", "function": {"name": "set_fan", "parameters": {"type": "object", "properties": {
           "room": {"type": "string"}, "speed": {"type": "integer"}}, "required": ["room", "speed"]}}}]
        """)!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("set_fan", """{"room": "attic", "speed": 3}""", 1)]
    [InlineData("set_fan", """{"speed": 3.0, "room": "attic"}""", 1)]
    [InlineData("set_fan", """{"room": "attic", "speed": 4}""", 0.2)]
    [InlineData("set_fan", """{"room": "attic"}""", 0.2)]
    [InlineData("set_lamp", """{"room": "attic", "speed": 3}""", 0)]
    public async Task ToolCalls_ByHowExactTheyAre_AreRewarded(string name, string arguments, double expected)
    {
        var conversation = Conversation(new JsonObject
        {
            ["role"] = "assistant",
            ["tool_calls"] = JsonNode.Parse("""
                [{"function": {"name": "set_fan", "arguments": {"room": "attic", "speed": 3}}}]
                """),
        });
        var call = FunctionCallContent.CreateFromParsedArguments(
            arguments, "1", name, text => JsonNode.Parse(text)!.AsObject().ToDictionary(
                pair => pair.Key, pair => (object?)pair.Value!.DeepClone()));
        Assert.Equal(expected, await ScoreAsync(new ToolCallReward(), conversation, new(ChatRole.Assistant, [call])));
        Assert.Equal(0, await ScoreAsync(new ToolCallReward(), conversation, new(ChatRole.Assistant, "Done.")));
        Assert.Equal(0, await ScoreAsync(
            new ToolCallReward(), conversation, new(ChatRole.Assistant, [call, call])));
    }

    [Theory]
    [InlineData("Sorry, I cannot.", 1)]
    [InlineData("  Sorry, I cannot.\n", 1)]
    [InlineData("Done.", 0.5)]
    public async Task ToolCalls_WhereTextIsRight_RewardTheText(string text, double expected)
    {
        var conversation = Conversation(new JsonObject { ["role"] = "assistant", ["content"] = "Sorry, I cannot." });
        Assert.Equal(expected, await ScoreAsync(new ToolCallReward(), conversation, new(ChatRole.Assistant, text)));
        Assert.Equal(0, await ScoreAsync(new ToolCallReward(), conversation, new(
            ChatRole.Assistant, [new FunctionCallContent("1", "set_fan")])));
    }

    [Theory]
    [InlineData("""{"name": "Ada", "age": 36}""", 1)]
    [InlineData("""{"name": "Ada", "age": -1}""", 0)]
    [InlineData("""{"name": "Ada"}""", 0)]
    [InlineData("""{"name": "Ada", "age": 36""", 0)]
    [InlineData("", 0)]
    [InlineData("Ada is 36.", 0)]
    public async Task JsonSchema_OfValidAnswersAlone_IsRewarded(string text, double expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["schema.json"], """
            {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
             "required": ["name", "age"]}
            """);
        var reward = RewardKinds.All["json_schema"](new RewardRecipe("json_schema", 1, folder["schema.json"]));
        Assert.Equal(expected, await ScoreAsync(
            reward, Conversation(new JsonObject { ["role"] = "assistant", ["content"] = "-" }),
            new(ChatRole.Assistant, text)));
    }

    [Theory]
    [InlineData("```csharp\nint Twice(int n) => n + n;\n```", 1)]
    [InlineData("Here it is:\n```csharp\nint Twice(int n) => n * n;\n```", 0)]
    [InlineData("int Twice(int n) { while (true) { } }", 0)]
    [InlineData("int Twice(int n) => Environment.ExitCode;  Environment.Exit(0);", 0)]
    public async Task Programs_ThatPassTheTests_AreRewarded(string answer, double expected)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Programs are confined on Linux only.");
        var conversation = new Conversation(
            [
                new JsonObject { ["role"] = "user", ["content"] = "Double a number." },
                new JsonObject { ["role"] = "assistant", ["content"] = "-" },
            ], null, "if (Twice(3) != 6 || Twice(0) != 0) { throw new Exception(\"wrong\"); }");
        var reward = new ProgramReward(
            "csharp", new(new() { Time = TimeSpan.FromSeconds(5) }));
        Assert.Equal(expected, await ScoreAsync(reward, conversation, new(ChatRole.Assistant, answer)));
    }

    [Fact]
    public async Task Programs_WithoutTests_AreRefused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Programs are confined on Linux only.");
        var error = await Assert.ThrowsAsync<InvalidDataException>(async () => await ScoreAsync(
            new ProgramReward("csharp", new()), Conversation(new JsonObject { ["role"] = "assistant" }),
            new(ChatRole.Assistant, "1")));
        Assert.StartsWith("A conversation has no 'tests', ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tool_call", null, "There is no reward 'tool_call'; expected one of 'tool_calls', 'json_schema', "
        + "'csharp_tests', 'python_tests'.")]
    [InlineData("json_schema", null, "The reward 'json_schema' has no 'file'. Name a file with the schema.")]
    [InlineData("json_schema", "/nowhere/schema.json", "'/nowhere/schema.json' holds no JSON schema: ")]
    public void Check_OfARewardThatCannotBe_SaysWhy(string kind, string? file, string expected)
    {
        var error = Assert.Throws<ArgumentException>(() => new OnnxRollouts().Check(
            new RolloutRecipe { Rewards = [new RewardRecipe(kind, 1, file)] }));
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_OfARewardOfTheCallers_TakesIt() =>
        new OnnxRollouts(new Dictionary<string, Func<RewardRecipe, IReward>> { ["own"] = _ => new ToolCallReward() })
            .Check(new RolloutRecipe { Rewards = [new RewardRecipe("own")] });

    private static Conversation Conversation(JsonObject answer) => new(
        [new JsonObject { ["role"] = "user", ["content"] = "Set the attic fan to 3." }, answer],
        (JsonArray)Tools.DeepClone());

    private static async Task<double> ScoreAsync(IReward reward, Conversation conversation, ChatMessage answer) =>
        await reward.ScoreAsync(conversation, new ChatResponse(answer), Token);
}
