using System.Text;
using Slipway.Evaluation.Tasks;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Tasks;

/// <summary>Tasks over the model of a package, whose log-likelihoods are known.</summary>
public sealed class PackageTaskTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private readonly LanguageModel _model = LanguageModel.Load(SharedAssets.Path("genai-packages", "qwen3-fp32"));

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task MultipleChoice_Options_HaveTheLogLikelihoodsOfTheWhole()
    {
        var report = await RunAsync(
            "multiple-choice",
            """
            {"context": "the quick brown fox jumps over", "options": [" the dog", " a", "cats"], "answer": 0}
            {"question": "Which?", "choices": {"text": ["one", "zwei"], "label": ["1", "2"]}, "answerKey": "2"}
            """);
        string[] options = [" the dog", " a", " cats"];
        var sums = new List<double>();
        foreach (var option in options)
        {
            const string Context = "the quick brown fox jumps over";
            var ids = _model.Tokenizer.Encode(Context + option, addSpecialTokens: true);
            var start = _model.Tokenizer.Encode(Context, addSpecialTokens: true).AsSpan().CommonPrefixLength(ids);
            var scores = await _model.ScoreAsync(ids, TestContext.Current.CancellationToken);
            sums.Add(scores.Skip(start - 1).Sum(score => (double)score));
        }

        var values = report.Answers[0].Values;
        Assert.All(sums.Index(), sum => Assert.Equal(sum.Item, values[$"log_likelihood_{sum.Index}"], 1e-4));
        Assert.Equal(sums.IndexOf(sums.Max()), values["predicted"]);
        double[] perByte = [.. sums.Zip(options, (sum, option) => sum / Encoding.UTF8.GetByteCount(option))];
        Assert.Equal(perByte.IndexOf(perByte.Max()), values["predicted_normalized"]);
        Assert.Equal(values["predicted"] == 0 ? 1.0 : 0, values["accuracy"]);
        Assert.Equal(report.Answers.Average(answer => answer.Values["accuracy"]), report.Scores[0].Estimate.Value);
    }

    [Fact]
    public async Task MultipleChoice_Shots_ComeBeforeTheContext()
    {
        const string Item = """{"context": "the fox", "options": [" runs", " sleeps"], "answer": 1}""";
        var plain = await RunAsync("multiple-choice", Item);
        await File.WriteAllTextAsync(
            _folder["shots.jsonl"], """{"context": "a dog", "options": [" barks", " sings"], "answer": 0}""",
            TestContext.Current.CancellationToken);
        var shots = await RunAsync(
            "multiple-choice", Item, new TaskOptions { Shots = 1, ShotsPath = _folder["shots.jsonl"] });
        var whole = await RunAsync(
            "multiple-choice",
            """{"context": "a dog barks\n\nthe fox", "options": [" runs", " sleeps"], "answer": 1}""");
        Assert.Equal(
            whole.Answers[0].Values["log_likelihood_0"], shots.Answers[0].Values["log_likelihood_0"], 1e-4);
        Assert.NotEqual(
            plain.Answers[0].Values["log_likelihood_0"], shots.Answers[0].Values["log_likelihood_0"], 1e-4);
    }

    [Fact]
    public async Task Classification_Package_TakesTheMostProbableClass()
    {
        var report = await RunAsync(
            "classification", "{\"text\": \"a b\", \"label\": \"yes\"}\n{\"text\": \"c\", \"label\": \"no\"}");
        var choice = await RunAsync(
            "multiple-choice",
            """{"context": "Text: a b\nLabel:", "options": [" no", " yes"], "answer": 1}""");
        Assert.Equal(choice.Answers[0].Text.Trim(), report.Answers[0].Text);
    }

    [Fact]
    public async Task Reasoning_PlainText_ContinuesTheTextAsTheModelDoes()
    {
        var report = await RunAsync(
            "reasoning", """{"question": "1?", "answer": "#### 1"}""",
            new TaskOptions { PlainText = true, MaxOutputTokens = 5 });
        var request = new GenerationRequest
        {
            PromptIds = _model.Tokenizer.Encode(
                "Question: 1?\nThink step by step, and end with '#### ' and the number.\nAnswer:",
                addSpecialTokens: true),
            MaxOutputTokens = 5,
        };
        var text = new StringBuilder();
        await foreach (var token in _model.GenerateAsync(request, TestContext.Current.CancellationToken))
        {
            text.Append(token.Text);
        }

        Assert.StartsWith(report.Answers[0].Text, text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ItemBeyondTheContext_NamesItsLine()
    {
        var error = await Assert.ThrowsAsync<TaskFileException>(() => RunAsync(
            "multiple-choice",
            "\n" + $$"""{"context": "{{new string('x', 500)}}", "options": [" a", " b"], "answer": 1}"""));
        Assert.Equal(2, error.Line);
        Assert.Contains("128", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Describe_Package_TellsHashesAndVersions()
    {
        var report = await RunAsync("questions", """{"question": "1?", "answer": "2"}""");
        Assert.Matches("^[0-9a-f]{64}$", (string?)report.Provenance["model_sha256"]);
        Assert.Matches("^[0-9a-f]{64}$", (string?)report.Provenance["template_sha256"]);
        Assert.Matches("^[0-9a-f]{64}$", (string?)report.Provenance["data_sha256"]);
        Assert.Equal("1.31.1", (string?)report.Provenance["versions"]!["onnxruntime"]);
    }

    private async Task<TaskReport> RunAsync(string kind, string text, TaskOptions? options = null)
    {
        await File.WriteAllTextAsync(_folder["task.jsonl"], text);
        return await TaskRunner.RunAsync(
            TaskKinds.Open(kind, _folder["task.jsonl"], options), new TaskSubject(_model),
            cancellationToken: TestContext.Current.CancellationToken);
    }
}
