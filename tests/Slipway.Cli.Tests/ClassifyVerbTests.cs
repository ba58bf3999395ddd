using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

public sealed class ClassifyVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Classify_Pairs_WritesTheReferencesTensors()
    {
        var source = SharedAssets.Path("sentence-transformers", "cross-encoder");
        Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", _folder["package"])).Code);

        var run = await Tool.RunAsync(
            "classify", _folder["package"], "-i", Path.Combine(source, "texts.json"), "-o",
            _folder["out.safetensors"]);

        Assert.Equal((0, ""), (run.Code, run.Error));
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        using var written = Checkpoint.Open(_folder["out.safetensors"]);
        foreach (var name in (string[])["scores", "logits"])
        {
            Assert.Equal([6L, 1], written.Tensors[name].Shape);
            var (reference, actual) = (new float[6], new float[6]);
            expected.ReadFloats(name, 0, reference);
            written.ReadFloats(name, 0, actual);
            Assert.All(reference.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        }
    }

    [Fact]
    public async Task Classify_Texts_ListsTheScoresOfEachLabel()
    {
        await ExportAsync("modernbert-classifier");
        File.WriteAllText(_folder["texts.json"], """["t1 t2 t3", "t4"]""");

        var report = (await Tool.RunAsync(
            "classify", _folder["package"], "-i", _folder["texts.json"], "-o", _folder["out.json"], "--json")).Json;

        Assert.Equal(["LABEL_0", "LABEL_1", "LABEL_2"], report["labels"]!.AsArray().Select(label => (string)label!));
        Assert.Equal(2, report["results"]!.AsArray().Count);
        foreach (var result in report["results"]!.AsArray())
        {
            float[] scores = [.. result!["scores"]!.AsArray().Select(score => (float)score!)];
            Assert.Equal(1, scores.Sum(), 1e-5f);
            Assert.Equal(scores.Max(), (float)result["score"]!);
            Assert.Equal($"LABEL_{Array.IndexOf(scores, scores.Max())}", (string)result["label"]!);
            Assert.Equal(3, result["logits"]!.AsArray().Count);
        }

        Assert.True(JsonNode.DeepEquals(report, JsonNode.Parse(File.ReadAllText(_folder["out.json"]))));
        var kind = (await Tool.RunAsync("inspect", _folder["package"], "--json")).Json;
        Assert.Equal(("text-classification", "classify"), ((string)kind["task"]!, (string)kind["verb"]!));
        var plain = await Tool.RunAsync("classify", _folder["package"], "-i", _folder["texts.json"]);
        Assert.Equal(
            report["results"]!.AsArray().Select(result => (string)result!["label"]!),
            plain.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0]));
    }

    [Fact]
    public async Task Classify_Tokens_ListsSpans()
    {
        await ExportAsync("bert-token-classifier");
        File.WriteAllText(_folder["texts.json"], """["t1 t2  t3", ""]""");

        var report = (await Tool.RunAsync(
            "classify", _folder["package"], "-i", _folder["texts.json"], "--aggregation", "none", "--json")).Json;

        var spans = report["results"]!.AsArray()[0]!.AsArray();
        Assert.Equal([(0, 2), (3, 5), (7, 9)], spans.Select(span => ((int)span!["start"]!, (int)span["end"]!)));
        Assert.Equal(["t1", "t2", "t3"], spans.Select(span => (string)span!["text"]!));
        Assert.All(spans, span => Assert.StartsWith("LABEL_", (string)span!["label"]!, StringComparison.Ordinal));
        Assert.Empty(report["results"]!.AsArray()[1]!.AsArray());
        var kind = (await Tool.RunAsync("inspect", _folder["package"], "--json")).Json;
        Assert.Equal(("token-classification", "classify"), ((string)kind["task"]!, (string)kind["verb"]!));
    }

    [Fact]
    public async Task Classify_LongText_WithAStride_IsRead()
    {
        await ExportAsync("bert-token-classifier");
        var text = string.Join(' ', Enumerable.Range(0, 400).Select(i => $"t{i % 90}"));
        File.WriteAllText(_folder["texts.json"], $"[\"{text}\"]");

        var cut = (await Tool.RunAsync("classify", _folder["package"], "-i", _folder["texts.json"], "--json")).Json;
        var whole = (await Tool.RunAsync(
            "classify", _folder["package"], "-i", _folder["texts.json"], "--stride", "8", "--json")).Json;

        Assert.True((int)cut["results"]![0]!.AsArray()[^1]!["end"]! < text.Length);
        Assert.Equal(text.Length, (int)whole["results"]![0]!.AsArray()[^1]!["end"]!);
    }

    [Fact]
    public async Task Classify_WrongInput_IsRefused()
    {
        await ExportAsync("bert-token-classifier");
        File.WriteAllText(_folder["pairs.json"], """[["a", "b"]]""");
        File.WriteAllText(_folder["texts.json"], """["a"]""");
        File.WriteAllText(_folder["numbers.json"], "[1]");
        Assert.Contains(
            "labels tokens of single texts; give a JSON list of strings, no pairs.",
            await FailAsync("classify", _folder["package"], "-i", _folder["pairs.json"]), StringComparison.Ordinal);
        Assert.Contains(
            "Spans are no tensors; give --output a name that ends in .json",
            await FailAsync("classify", _folder["package"], "-i", _folder["texts.json"], "-o", "a.safetensors"),
            StringComparison.Ordinal);
        Assert.Contains(
            "is not a JSON list of strings, or of pairs of them, such as [\"Hello\"] or [[\"premise\", "
            + "\"hypothesis\"]].",
            await FailAsync("classify", _folder["package"], "-i", _folder["numbers.json"]), StringComparison.Ordinal);
        Assert.Contains(
            "holds a 'genai_config.json', so it is a decoder.",
            await FailAsync(
                "classify", SharedAssets.Path("genai-packages", "qwen3-fp32"), "-i", _folder["texts.json"]),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task EvalTask_OfAClassifier_ScoresItsLabels()
    {
        await ExportAsync("modernbert-classifier");
        string[] texts = ["t1 t2", "t30", "t77 t5 t6", "t90 t91"];
        File.WriteAllText(
            _folder["texts.json"], new JsonArray([.. texts.Select(text => (JsonNode)text)]).ToJsonString());
        var labels = (await Tool.RunAsync("classify", _folder["package"], "-i", _folder["texts.json"], "--json"))
            .Json["results"]!.AsArray().Select(result => (string)result!["label"]!).ToArray();

        // The last label is a wrong one.
        labels[^1] = labels[^1] == "LABEL_0" ? "LABEL_1" : "LABEL_0";
        File.WriteAllLines(
            _folder["topics.jsonl"],
            texts.Zip(labels, (text, label) => $$"""{"sentence": "{{text}}", "label": "{{label}}"}"""));

        var report = (await Tool.RunAsync(
            "eval", "task", _folder["package"], "--task", $"classification={_folder["topics.jsonl"]}", "--labels",
            "LABEL_0,LABEL_1,LABEL_2", "--json")).Json;

        Assert.Equal(0.75, (double)report["tasks"]!.AsArray()[0]!["scores"]!["accuracy"]!["value"]!, 1e-9);
        Assert.Contains(
            "labels texts and writes none, so it takes classification tasks alone. Evaluate a decoder's package.",
            await FailAsync(
                "eval", "task", _folder["package"], "--task", $"questions={WriteText()}"), StringComparison.Ordinal);
    }

    private string WriteText()
    {
        File.WriteAllText(_folder["text.jsonl"], """{"question": "Hello", "answer": "Hello"}""");
        return _folder["text.jsonl"];
    }

    private static async Task<string> FailAsync(params string[] arguments)
    {
        var run = await Tool.RunAsync(arguments);
        Assert.Equal(1, run.Code);
        return run.Error;
    }

    private async Task ExportAsync(string name)
    {
        SpelledCheckpoint.Write(name, _folder["source"]);
        Assert.Equal(0, (await Tool.RunAsync("export", _folder["source"], "-o", _folder["package"])).Code);
    }
}
