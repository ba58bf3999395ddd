using Slipway.Checkpoints;
using Slipway.Evaluation.Tasks;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Tasks;

/// <summary>Classification tasks over a model that labels texts.</summary>
public sealed class ClassifierTaskTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OnnxTextClassifier _classifier;

    public ClassifierTaskTests()
    {
        SpelledCheckpoint.Write("modernbert-classifier", _folder["source"], config => config["id2label"] =
            new System.Text.Json.Nodes.JsonObject { ["0"] = "BAD", ["1"] = "GOOD", ["2"] = "FAIR" });
        using (var checkpoint = Checkpoint.Open(_folder["source"]))
        {
            Exporter.Export(checkpoint, _folder["package"]);
        }

        _classifier = new OnnxTextClassifier(_folder["package"]);
    }

    public void Dispose()
    {
        _classifier.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("bad,good,fair", true)]
    [InlineData("x,y,z", false)]
    [InlineData("", false)]
    public async Task Classification_Labels_AreClassesOfTheSameNameOrNumber(string classes, bool named)
    {
        string[] texts = ["t1 t2", "t30", "t77 t5 t6", "t90 t91", "t8 t200 t4", "t17"];
        var results = await _classifier.ClassifyAsync(texts, TestContext.Current.CancellationToken);
        int[] ids = [.. results.Select(result => result.Scores.ToList().IndexOf(result.Best))];
        var names = classes.Split(',', StringSplitOptions.RemoveEmptyEntries);
        await File.WriteAllLinesAsync(
            _folder["a.jsonl"],
            texts.Zip(ids, (text, id) =>
                $$"""{"sentence": "{{text}}", "label": "{{(named ? names[id] : id)}}", "idx": 5}"""),
            TestContext.Current.CancellationToken);

        var report = await TaskRunner.RunAsync(
            TaskKinds.Open("classification", _folder["a.jsonl"], new TaskOptions
            {
                Labels = names.Length > 0 ? names : ["0", "1", "2"],
            }),
            new TaskSubject(_classifier), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(1, report.Scores.Single(score => score.Name == "accuracy").Estimate.Value);
        Assert.Equal("package", (string?)report.Provenance["model"]);
        Assert.Equal(64, ((string?)report.Provenance["model_sha256"])!.Length);
    }

    [Fact]
    public async Task Classification_TwoTexts_AreAPair()
    {
        var expected = await _classifier.ClassifyAsync([("t1 t2", "t3")], TestContext.Current.CancellationToken);
        var report = await RunAsync("""{"premise": "t1 t2", "hypothesis": "t3", "label": "good"}""");
        Assert.Equal(expected[0].Best.Label, report.Answers[0].Text, ignoreCase: true);
    }

    [Theory]
    [InlineData("""{"a": "t1", "b": "t2", "c": "t3", "label": "good"}""", "good,bad,fair", 0,
        "There are 3 texts beside the label; a classifier takes one or two.")]
    [InlineData("""{"a": "t1", "label": "left"}""", "left,right", 0,
        "The model's labels are 'BAD', 'GOOD', 'FAIR', and the classes are 'left', 'right'. Name the classes in the "
        + "order of the model's labels.")]
    [InlineData("{\"a\": \"t1\", \"label\": \"good\"}\n{\"a\": \"t2\", \"label\": \"bad\"}", "good,bad,fair", 1,
        "Examples stand before texts that a model goes on with; a classifier labels texts alone. Ask for no examples.")]
    public async Task Classification_WhatAClassifierDoesNotTake_IsRefused(
        string items, string classes, int shots, string expected)
    {
        var error = await Assert.ThrowsAnyAsync<Exception>(() => RunAsync(items, classes, shots));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OtherTasks_AreRefused()
    {
        await File.WriteAllTextAsync(
            _folder["b.jsonl"], """{"question": "Who?", "answer": "I"}""", TestContext.Current.CancellationToken);
        var error = await Assert.ThrowsAsync<NotSupportedException>(() => TaskRunner.RunAsync(
            TaskKinds.Open("questions", _folder["b.jsonl"]), new TaskSubject(_classifier),
            cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(
            "'package' labels texts and writes none, so it takes classification tasks alone. Evaluate a decoder's "
            + "package.",
            error.Message);
    }

    private async Task<TaskReport> RunAsync(string items, string classes = "good,bad,fair", int shots = 0)
    {
        await File.WriteAllTextAsync(_folder["a.jsonl"], items, TestContext.Current.CancellationToken);
        return await TaskRunner.RunAsync(
            TaskKinds.Open("classification", _folder["a.jsonl"], new TaskOptions
            {
                Labels = classes.Split(','), Shots = shots,
            }),
            new TaskSubject(_classifier), cancellationToken: TestContext.Current.CancellationToken);
    }
}
