using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Rollouts.Constitution;
using Slipway.Testing;
using Slipway.Training.Running;

namespace Slipway.Rollouts;

public sealed class ConstitutionalLoopTests : IDisposable
{
    private static readonly ConstitutionRule[] Rules =
        [new("Is it polite?", "Write it politely."), new("Is it short?", "Write it shortly.")];

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Revise_ByTwoRounds_AsksAndAnswersAsTheRulesSay()
    {
        using var model = new Scripted(_ => "No!");
        using var critic = new Scripted(messages => messages.Count == 1
            ? "It is rude." : messages[^1].Text == "Write it politely." ? " No, thank you. " : "No.");
        var loop = new ConstitutionalLoop(model, critic, Rules, new() { Rounds = 2 });
        var answer = await loop.ReviseAsync(
            [new(ChatRole.System, "Be brief."), new(ChatRole.User, "Tea?")], seed: 0, Token);
        Assert.Equal(("No!", "No."), (answer.First, answer.Revised));
        Assert.Equal(["No, thank you.", "No."], answer.Steps.Select(step => step.Revision));
        Assert.Equal(
            [
                "user: system: Be brief.\nuser: Tea?\nassistant: No!\n\nIs it polite?",
                "user: system: Be brief.\nuser: Tea?\nassistant: No!\n\nIs it polite?|assistant: It is rude."
                + "|user: Write it politely.",
                "user: system: Be brief.\nuser: Tea?\nassistant: No, thank you.\n\nIs it short?",
                "user: system: Be brief.\nuser: Tea?\nassistant: No, thank you.\n\nIs it short?|assistant: It is rude."
                + "|user: Write it shortly.",
            ],
            critic.Asked);
    }

    [Fact]
    public async Task WritePairs_OfAScriptedCritic_PrefersRevisionsThatChangeTheAnswer()
    {
        using var model = new Scripted(messages => messages[^1].Text == "Mute?" ? "" : $"{messages[^1].Text} No!");
        using var critic = new Scripted(messages => messages.Count == 1 ? "?"
            : messages[0].Text.Contains("Same?", StringComparison.Ordinal) ? "Same? No!"
            : messages[0].Text.Contains("Nothing?", StringComparison.Ordinal) ? "  " : "No, thanks.");
        File.WriteAllText(_folder["prompts.jsonl"], """
            {"messages": [{"role": "user", "content": "Tea?"}]}

            {"messages": [{"role": "user", "content": "Same?"}]}
            {"messages": [{"role": "user", "content": "Nothing?"}, {"role": "assistant", "content": "left out"}]}
            {"messages": [{"role": "user", "content": "Mute?"}]}
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Milk?"}]}
            """);
        var done = new List<int>();
        var count = await new ConstitutionalLoop(model, critic, Rules, new() { Concurrency = 1 })
            .WritePairsAsync(_folder["prompts.jsonl"], _folder["pairs.jsonl"], new Watcher(done.Add), Token);
        Assert.Equal(2, count);
        Assert.Equal([1, 2, 3, 4, 5], done);
        Assert.Equal(
            [
                """{"prompt":[{"role":"user","content":"Tea?"}],"chosen":[{"role":"assistant","content":"No, thanks."}],"rejected":[{"role":"assistant","content":"Tea? No!"}]}""",
                """{"prompt":[{"role":"system","content":"s"},{"role":"user","content":"Milk?"}],"chosen":[{"role":"assistant","content":"No, thanks."}],"rejected":[{"role":"assistant","content":"Milk? No!"}]}""",
            ],
            File.ReadAllLines(_folder["pairs.jsonl"]));
    }

    [Fact]
    public async Task WritePairs_OfARunningModel_GiveARecipeItsPreferences()
    {
        using (var checkpoint = Checkpoint.Open(DeviceAssistant.Folder))
        {
            Exporter.Export(checkpoint, _folder["package"]);
        }

        File.WriteAllLines(_folder["prompts.jsonl"], new[] { "Hello!", "Order pizza.", "Who are you?", "Thanks!" }
            .Select(text => new JsonObject
            {
                ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = text }),
            }.ToJsonString()));
        using var client = new OnnxChatClient(_folder["package"]);

        // A model of this size revises nothing sensibly; what it says are still texts and pairs.
        var loop = new ConstitutionalLoop(client, client, Rules, new() { MaxOutputTokens = 30 });
        var count = await loop.WritePairsAsync(
            _folder["prompts.jsonl"], _folder["pairs.jsonl"], cancellationToken: Token);
        Assert.InRange(count, 1, 4);
        var first = File.ReadAllBytes(_folder["pairs.jsonl"]);
        await loop.WritePairsAsync(_folder["prompts.jsonl"], _folder["pairs.jsonl"], cancellationToken: Token);
        Assert.Equal(first, File.ReadAllBytes(_folder["pairs.jsonl"]));
        File.WriteAllText(_folder["dpo.json"], $$"""
            {"name": "dpo", "output": "dpo", "seed": 1, "threads": 2, "start": "{{DeviceAssistant.Folder}}",
             "tokenizer": {"path": "{{DeviceAssistant.Folder}}/tokenizer.json", "end_token": "<|end|>"},
             "chat_template": "{{DeviceAssistant.Folder}}/chat_template.jinja", "data": {"preferences": "pairs.jsonl"},
             "stages": [{"kind": "dpo", "steps": 6, "batch_size": 2, "sequence_length": 256, "learning_rate": 1e-4}]}
            """);
        var report = TrainingRun.Start(_folder["dpo.json"], cancellationToken: Token);
        Assert.True(report.Stages[0].Loss < Math.Log(2));
    }

    [Theory]
    [InlineData("{", "' is not valid JSON: ")]
    [InlineData("{\"rules\": []}",
        "' holds no list 'rules'. Write {\"rules\": [{\"critique\": \"…\", \"revision\": \"…\"}]}.")]
    [InlineData("{\"rules\": [1]}", "Rule 1 of '")]
    [InlineData("{\"rules\": [{\"critique\": \"a\", \"revision\": \"b\"}, {\"critique\": \" \"}]}",
        "' has no text 'critique'.")]
    [InlineData("{\"rules\": [{\"critique\": \"a\", \"revise\": \"b\"}]}",
        "' has the unknown key 'revise'; expected 'critique' and 'revision'.")]
    public void Read_OfRulesThatAreNone_SaysWhy(string text, string expected)
    {
        File.WriteAllText(_folder["rules.json"], text);
        var error = Assert.Throws<InvalidDataException>(() => ConstitutionRule.Read(_folder["rules.json"]));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"messages\": []}", "Line 1 of '")]
    [InlineData("not json", "' is not valid JSON: ")]
    [InlineData("{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]}",
        "has the role 'assistant' at the beginning")]
    public async Task WritePairs_OfLinesThatAreNoPrompts_NamesThem(string line, string expected)
    {
        using var model = new Scripted(_ => "a");
        File.WriteAllText(_folder["prompts.jsonl"], line);
        var error = await Assert.ThrowsAsync<TrainingException>(() => new ConstitutionalLoop(model, model, Rules)
            .WritePairsAsync(_folder["prompts.jsonl"], _folder["pairs.jsonl"], cancellationToken: Token));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["pairs.jsonl"]));
    }

    [Fact]
    public void Read_OfTheRepositorysRules_GivesThem() => Assert.NotEmpty(ConstitutionRule.Read(
        Path.Combine(SharedAssets.Repository, "export-scripts", "constitution.json")));

    private sealed class Watcher(Action<int> watch) : IProgress<int>
    {
        public void Report(int value) => watch(value);
    }

    private sealed class Scripted(Func<IReadOnlyList<ChatMessage>, string> answer) : IChatClient
    {
        public List<string> Asked { get; } = [];

        public Task<ChatResponse> GetResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            CancellationToken cancellationToken = default)
        {
            ChatMessage[] list = [.. messages];
            Asked.Add(string.Join('|', list.Select(message => $"{message.Role}: {message.Text}")));
            return Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, answer(list))));
        }

        public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            var response = await GetResponseAsync(messages, options, cancellationToken);
            foreach (var update in response.ToChatResponseUpdates())
            {
                yield return update;
            }
        }

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}
