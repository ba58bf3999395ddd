using Microsoft.Extensions.AI;
using Slipway.Evaluation.Tasks;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Tasks;

public sealed class TaskKindTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Classification_ChatClient_ReadsTheClassFromItsText()
    {
        var report = await RunAsync(
            "classification", "a.tsv",
            "sentence\tindex\tlabel\ngood film\t1\t1\nbad film\t2\t0\nlong film\t3\t0\nshort film\t4\t1\n",
            question => question.Contains("good", StringComparison.Ordinal) ? "It is Positive."
                : question.Contains("bad", StringComparison.Ordinal) ? "negative, not positive"
                : question.Contains("long", StringComparison.Ordinal) ? "positive" : "I cannot tell.",
            new TaskOptions { Labels = ["negative", "positive"] });
        Assert.Equal(["positive", "negative", "positive", ""], report.Answers.Select(answer => answer.Text));
        Assert.Equal(0.5, Value(report, "accuracy"));
        Assert.Equal(0.5, Value(report, "f1"), 1e-9);
        Assert.Equal("bootstrap", report.Scores.Single(score => score.Name == "matthews").Estimate.Method);
    }

    [Fact]
    public async Task Regression_Numbers_AreCorrelated()
    {
        var report = await RunAsync(
            "regression", "a.jsonl",
            """
            {"sentence1": "a", "sentence2": "b", "score": 1}
            {"sentence1": "c", "sentence2": "d", "score": 2.5}
            {"sentence1": "e", "sentence2": "f", "score": 4}
            {"sentence1": "g", "sentence2": "h", "score": 5}
            """,
            question => question.Contains("Sentence1: a", StringComparison.Ordinal) ? "none"
                : question.Contains("Sentence1: c", StringComparison.Ordinal) ? "About 2.5."
                : question.Contains("Sentence1: e", StringComparison.Ordinal) ? "4.0" : "5");
        Assert.Equal([1, 2.5, 4, 5], report.Answers.Select(answer => answer.Values["predicted"]));
        Assert.Equal(1, Value(report, "spearman"), 1e-9);
        Assert.Equal(0.75, Value(report, "answered"));
    }

    [Fact]
    public async Task Questions_SquadsForm_IsScoredByExactMatchAndF1()
    {
        var report = await RunAsync(
            "questions", "a.jsonl",
            """
            {"context": "Paris is in France.", "question": "Where is Paris?", "answers": {"text": ["France", "in France"], "answer_start": [12, 9]}}
            {"question": "Who?", "answer": "the old king"}
            """,
            question => question.StartsWith("Paris is in France.\n\nQuestion: Where", StringComparison.Ordinal)
                ? " In France. " : "A king");
        Assert.Equal(0.5, Value(report, "exact_match"));
        Assert.Equal((1 + (2 / 3.0)) / 2, Value(report, "f1"), 1e-9);
    }

    [Fact]
    public async Task Texts_References_AreScoredByAllMetrics()
    {
        var report = await RunAsync(
            "texts", "a.jsonl",
            """
            {"prompt": "Say it.", "references": ["the cat sat on the mat", "a dog"]}
            {"source": "Again.", "target": "the dogs ran over the hill"}
            """,
            question => question == "Say it." ? "the cat sat on the mat" : "the dogs ran over the hill");
        Assert.All(
            report.Scores, score => Assert.Equal(
                score.Name is "bleu" or "chrf" ? 100 : 1, score.Estimate.Value, 1e-9));
        Assert.Equal(
            ["rouge1", "rouge2", "rougeL", "rougeLsum", "bleu", "chrf"], report.Scores.Select(score => score.Name));
    }

    [Theory]
    [InlineData(true, "4 + 8 = 12, so\n#### 1,234.50 dollars. Check: 7", 1)]
    [InlineData(true, "First 3, then 1234.5", 1)]
    [InlineData(true, "#### none, but 1234.5", 1)]
    [InlineData(true, "12345", 0)]
    [InlineData(true, "Nothing.", 0)]
    [InlineData(false, "1234.5, since 4 + 8 = 12", 1)]
    [InlineData(false, "about 12", 0)]
    public async Task Reasoning_Answer_IsExtracted(bool chain, string answer, double right)
    {
        var report = await RunAsync(
            "reasoning", "a.jsonl", """{"question": "How much?", "answer": "Think: 4 + 8.\n#### 1,234.5"}""",
            question =>
            {
                Assert.Equal(chain, question.Contains("step by step", StringComparison.Ordinal));
                return answer;
            },
            new TaskOptions { ChainOfThought = chain });
        Assert.Equal(right, Value(report, "exact_match"));
    }

    [Theory]
    [InlineData("-3", "-3")]
    [InlineData("3-4", "4")]
    [InlineData("$1,000,000.50!", "1000000.50")]
    [InlineData("1,2,3", "3")]
    [InlineData(".5", "0.5")]
    [InlineData("2024-11", "11")]
    [InlineData("a loss of -$1,250", "-1250")]
    [InlineData("it is \u22125", "-5")]
    [InlineData("7\u22124", "4")]
    public void Final_Number_IsReadAsPeopleWriteIt(string text, string number)
        => Assert.Equal(
            decimal.Parse(number, System.Globalization.CultureInfo.InvariantCulture), NumberText.Final(text));

    [Fact]
    public async Task Shots_OfReasoning_StandBeforeAsTurnsAndAreNotScored()
    {
        var lines = string.Join('\n', Enumerable.Range(0, 6).Select(
            i => $$"""{"question": "Q{{i}}", "answer": "It is {{i}}.\n#### {{i}}"}"""));
        await File.WriteAllTextAsync(_folder["a.jsonl"], lines, TestContext.Current.CancellationToken);
        using var client = new ScriptedClient(_ => "#### 0");
        var report = await TaskRunner.RunAsync(
            TaskKinds.Open("reasoning", _folder["a.jsonl"], new TaskOptions { Shots = 2, Seed = 3, Limit = 3 }),
            new TaskSubject(client), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(3, report.Items);
        Assert.All(client.Asked, messages => Assert.Equal(
            [ChatRole.User, ChatRole.Assistant, ChatRole.User, ChatRole.Assistant, ChatRole.User],
            messages.Select(message => message.Role)));
        var shots = client.Asked.Select(messages => messages[0].Text).Distinct();
        Assert.DoesNotContain(client.Asked, messages => messages[4].Text == Assert.Single(shots));
        Assert.Contains("####", client.Asked[0][1].Text, StringComparison.Ordinal);
        Assert.All(client.Options, options => Assert.Equal(0, options.Temperature));
    }

    [Fact]
    public async Task ToolCalls_OpenAIsForm_TakesArgumentsAsText()
    {
        await File.WriteAllTextAsync(
            _folder["a.jsonl"],
            """
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}, {"role": "tool", "tool_call_id": "c1", "content": "ok"}, {"role": "assistant", "content": "Done."}], "tools": [{"type": "function", "function": {"name": "f"}}]}
            {"messages": [{"role": "user", "content": "y"}, {"role": "assistant", "tool_calls": [{"id": "c2", "function": {"name": "f", "arguments": "{}"}}]}]}
            """,
            TestContext.Current.CancellationToken);
        using var client = new ScriptedClient(_ => "Done.");
        var report = await TaskRunner.RunAsync(
            TaskKinds.Open("tool-calls", _folder["a.jsonl"]), new TaskSubject(client, "mine"),
            cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(
            [("exact", 0.5), ("exact_calls", 0), ("right_tools", 0), ("no_call_needed", 1)],
            report.Scores.Select(score => (score.Name, score.Estimate.Value)));
        var conversation = client.Asked.Single(messages => messages.Count == 3);
        var call = Assert.IsType<FunctionCallContent>(conversation[1].Contents.Single());
        Assert.Equal(("c1", "1"), (call.CallId, call.Arguments!["a"]!.ToString()));
        Assert.Equal("c1", Assert.IsType<FunctionResultContent>(conversation[2].Contents.Single()).CallId);
        Assert.Equal("mine", (string?)report.Provenance["model"]);
    }

    [Fact]
    public async Task MultipleChoice_ChatClient_SaysThatAPackageIsNeeded()
    {
        var error = await Assert.ThrowsAsync<NotSupportedException>(() => RunAsync(
            "multiple-choice", "a.jsonl", """{"question": "x", "choices": ["a", "b"], "answer": 1}""", _ => ""));
        Assert.Equal(
            "Multiple choice compares log-likelihoods. 'client' is a chat client, which gives texts alone. Evaluate a "
            + "package.",
            error.Message);
    }

    private async Task<TaskReport> RunAsync(
        string kind, string name, string text, Func<string, string> answer, TaskOptions? options = null)
    {
        await File.WriteAllTextAsync(_folder[name], text);
        using var client = new ScriptedClient(messages => answer(messages[^1].Text));
        return await TaskRunner.RunAsync(
            TaskKinds.Open(kind, _folder[name], options), new TaskSubject(client),
            cancellationToken: TestContext.Current.CancellationToken);
    }

    private static double Value(TaskReport report, string name)
        => report.Scores.Single(score => score.Name == name).Estimate.Value;
}
