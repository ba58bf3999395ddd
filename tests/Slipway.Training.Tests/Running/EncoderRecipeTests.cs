using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;
using Slipway.Training.Models.Encoders;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running;

/// <summary>Trains encoders by recipes, and asks the packages that are exported of their folders.</summary>
public sealed class EncoderRecipeTests : IDisposable
{
    private const string Names =
        """
        "name": "run", "seed": 5, "threads": 2
        """;

    private const string Nothing =
        """
        "model": {"architectures": ["ARCHITECTURE"], "hidden_size": 32, "dim": 32, "intermediate_size": 64,
          "hidden_dim": 64, "num_hidden_layers": 2, "n_layers": 2, "num_attention_heads": 2, "n_heads": 2,
          "max_position_embeddings": 64, "type_vocab_size": 1},
        "tokenizer": {"train": {"vocab_size": 320, "special_tokens": ["</s>", "<s>", "<mask>"], "added_tokens": []},
          "start_token": "<s>", "end_token": "</s>"}
        """;

    private static readonly string[] Wishes = ["light", "heat", "music", "door"];

    private readonly TemporaryFolder _folder = new();

    public EncoderRecipeTests()
    {
        var texts = Enumerable.Range(0, 48).Select(index => (
            Wish: Wishes[index % 4], Text: $"please set the {Wishes[index % 4]} number {index % 7} now")).ToArray();
        File.WriteAllLines(_folder["text.txt"], texts.Select(one => one.Text));
        File.WriteAllLines(
            _folder["classes.tsv"], texts.Select(one => $"{one.Wish}\t{one.Text}").Prepend("label\ttext"));
        File.WriteAllLines(_folder["pairs.jsonl"], texts.Select((one, index) =>
            $$"""{"text": "{{one.Wish}} {{index}}", "text_pair": "{{one.Text}}", "label": {{index % 2}}}"""));
        File.WriteAllLines(_folder["tags.jsonl"], texts.Select(one =>
            $$"""
            {"words": ["{{string.Join("\", \"", one.Text.Split(' '))}}"],
             "tags": ["O", "O", "O", "B-thing", "O", "B-count", "O"]}
            """.ReplaceLineEndings("")));
        File.WriteAllLines(_folder["triples.jsonl"], texts.Select((one, index) =>
            $$"""{"text": "{{one.Wish}}", "positive": "{{one.Text}}", "negative": "{{Wishes[(index + 1) % 4]}} off"}"""));
    }

    [Theory]
    [InlineData("RobertaForMaskedLM")]
    [InlineData("BertForMaskedLM")]
    [InlineData("DistilBertForMaskedLM")]
    [InlineData("ModernBertForMaskedLM")]
    public async Task Recipe_FromNothing_LearnsWordsThenLabels(string architecture)
    {
        var learned = Run("mlm", Nothing.Replace("ARCHITECTURE", architecture, StringComparison.Ordinal), """
            {"text": "text.txt", "evaluation": "text.txt"}
            """, """
            "kind": "mlm", "steps": 90, "learning_rate": 5e-3, "mask_share": 0.2
            """);
        Assert.InRange(learned.Stages[0].Scores!["accuracy"], 0.3, 1);
        Assert.True(learned.Stages[0].EvaluationLoss < 4.5);

        var told = Run("classify", "\"start\": \"mlm\"", """
            {"examples": "classes.tsv", "evaluation": "classes.tsv"}
            """, """
            "kind": "classify", "steps": 100, "learning_rate": 2e-3
            """);
        Assert.Equal(1, told.Stages[0].Scores!["accuracy"]);
        Assert.Equal(1, told.Stages[0].Scores!["macro_f1"]);
        Export("classify");
        using var classifier = new OnnxTextClassifier(_folder["package"]);
        var answers = await classifier.ClassifyAsync(
            ["please set the music number 3 now", "please set the door number 1 now"],
            TestContext.Current.CancellationToken);
        Assert.Equal(["music", "door"], answers.Select(answer => answer.Best.Label));
    }

    [Fact]
    public async Task Recipe_OfTags_FindsSpansInThePackage()
    {
        var report = Run("tag", Start(), """{"examples": "tags.jsonl", "evaluation": "tags.jsonl"}""", """
            "kind": "tag", "steps": 40, "learning_rate": 3e-3, "label_smoothing": 0.01
            """);
        Assert.Equal(1, report.Stages[0].Scores!["span_f1"]);
        Export("tag");
        using var classifier = new OnnxTokenClassifier(_folder["package"]);
        var spans = (await classifier.ClassifyAsync(
            ["please set the heat number 5 now"], TestContext.Current.CancellationToken))[0];
        Assert.Equal(
            [("thing", "heat"), ("count", "5")], spans.Select(span => (span.Label, span.Text)));
    }

    [Fact]
    public async Task Recipe_OfTriples_BringsPartnersTogetherInThePackage()
    {
        var report = Run("embed", Start(), """{"examples": "triples.jsonl", "evaluation": "triples.jsonl"}""", """
            "kind": "embed", "steps": 40, "learning_rate": 2e-3, "temperature": 0.1, "symmetric": true
            """);
        var (steps, evaluations) = Log("embed");
        Assert.True(evaluations[^1] < 0.8 * steps[0], $"{steps[0]} to {evaluations[^1]}");
        Assert.InRange(report.Stages[0].Scores!["accuracy"], 0.2, 1);
        Export("embed");
        using var generator = new OnnxEmbeddingGenerator(_folder["package"]);
        var vectors = await generator.GenerateAsync(
            ["music", "please set the music number 2 now", "please set the door number 2 now"],
            cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(Product(0, 1) > Product(0, 2) + 0.2, $"{Product(0, 1)} and {Product(0, 2)}");

        float Product(int a, int b) => vectors[a].Vector.ToArray().Zip(
            vectors[b].Vector.ToArray(), (x, y) => x * y).Sum();
    }

    [Theory]
    [InlineData("mlm", "\"text\": \"text.txt\"")]
    [InlineData("classify", "\"examples\": \"pairs.jsonl\"")]
    [InlineData("tag", "\"examples\": \"tags.jsonl\"")]
    [InlineData("embed", "\"examples\": \"triples.jsonl\"")]
    public void Recipe_Interrupted_EndsAsAnUninterruptedOne(string kind, string data)
    {
        var stage = $"""
            "kind": "{kind}", "steps": 7, "learning_rate": 1e-3, "checkpoint_every": 2, "accumulation": 2
            """;
        Run("whole", Start(), $"{{{data}}}", stage);
        Assert.Throws<OperationCanceledException>(() => Run("parts", Start(), $"{{{data}}}", stage, stopAt: 5));
        Run("parts", Start(), $"{{{data}}}", stage);
        Assert.Equal(Log("whole").Steps, Log("parts").Steps);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(_folder["whole"], "model.safetensors")),
            File.ReadAllBytes(Path.Combine(_folder["parts"], "model.safetensors")));
    }

    [Fact]
    public void Recipe_WithPatienceAndHalfPrecision_EndsEarlyAndLoadsAgain()
    {
        var report = Run("out", $"\"save_precision\": \"bf16\", {Start()}", """
            {"examples": "pairs.jsonl", "evaluation": "classes.tsv"}
            """, """
            "kind": "classify", "steps": 400, "learning_rate": 3e-3, "evaluate_every": 3, "patience": 2
            """, """
            "labels": ["light", "heat", "music", "door"],
            """);
        Assert.True(Log("out").Steps.Length < 400);
        Assert.NotNull(report.Stages[0].Scores);
        using var saved = Checkpoint.Open(_folder["out"]);
        using var model = EncoderModel.Load(saved);
        Assert.Equal(4, model.Config.NumLabels);
        Assert.All(saved.Tensors.Values, tensor => Assert.Equal(TensorType.BF16, tensor.Type));
    }

    [Theory]
    [InlineData("classify", "a.tsv", "text\tlabel\nfine\tgood\nbad", "Line 3 of 'FILE' has 1 columns; expected 2")]
    [InlineData("classify", "a.tsv", "text\tlabel\n \tgood", "Line 2 of 'FILE' has no 'text', or an empty one.")]
    [InlineData("classify", "a.jsonl", "{\"text\": \"a\"}", "Line 1 of 'FILE' has no 'label'.")]
    [InlineData("classify", "a.jsonl", "{\"text\": \"a\"", "Line 1 of 'FILE' is not valid JSON")]
    [InlineData("classify", "a.jsonl", "{\"text\": 3, \"label\": \"x\"}", "'text' in line 1 of 'FILE' is no string.")]
    [InlineData("tag", "a.jsonl", "{\"words\": [\"a\", \"b\"], \"tags\": [\"O\"]}",
        "Line 1 of 'FILE' has 2 words and 1 tags")]
    [InlineData("tag", "a.jsonl", "{\"words\": [\"a\"], \"tags\": [\"O\"]}\n{\"words\": [], \"tags\": []}",
        "Line 2 of 'FILE' has no words.")]
    [InlineData("tag", "a.jsonl", "{\"words\": \"a\", \"tags\": [\"O\"]}", "Line 1 of 'FILE' has no list 'words'")]
    [InlineData("embed", "a.jsonl", "{\"text\": \"a\"}", "Line 1 of 'FILE' has no 'positive', or an empty one.")]
    public void Recipe_OfABadLine_NamesFileAndLine(string kind, string name, string content, string expected)
    {
        File.WriteAllText(_folder[name], content);
        var error = Assert.Throws<TrainingException>(() => Run("out", Start(), $"{{\"examples\": \"{name}\"}}", $"""
            "kind": "{kind}", "steps": 1, "learning_rate": 1e-3
            """));
        Assert.StartsWith(
            expected.Replace("FILE", _folder[name], StringComparison.Ordinal), error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("green", "has the label 'green'; expected one of the 4 labels, or a number from 0 to 3.")]
    [InlineData("4", "has the label '4'")]
    [InlineData("-1", "has the label '-1'")]
    public void Recipe_OfAnUnknownLabel_NamesFileAndLine(string label, string expected)
    {
        File.WriteAllText(_folder["held.jsonl"], $$"""
            {"text": "the heat", "label": "heat"}
            {"text": "the heat", "label": "{{label}}"}
            """);
        var error = Assert.Throws<TrainingException>(() => Run("out", Start(), """
            {"examples": "classes.tsv", "evaluation": "held.jsonl"}
            """, """
            "kind": "classify", "steps": 1, "learning_rate": 1e-3
            """));
        Assert.StartsWith($"Line 2 of '{_folder["held.jsonl"]}' {expected}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Recipe_OfLongTexts_CutsThemAsPackagesDo()
    {
        File.WriteAllText(_folder["long.jsonl"], $$"""
            {"text": "{{string.Join(' ', Enumerable.Repeat("light", 90))}}", "label": "a"}
            {"text": "door", "text_pair": "{{string.Join(' ', Enumerable.Repeat("light", 90))}}", "label": "b"}
            {"text": "door", "label": "b"}
            """);
        var report = Run("out", Start(), """{"examples": "long.jsonl"}""", """
            "kind": "classify", "steps": 1, "learning_rate": 1e-3
            """);
        Assert.Equal((2, 0), (report.Stages[0].Cut, report.Stages[0].LeftOut));
    }

    [Theory]
    [InlineData("\"kind\": \"tag\"", "{\"text\": \"text.txt\"}", "", "'stages' has one of the kind 'tag', which needs "
        + "examples or a corpus; 'data' holds text.")]
    [InlineData("\"kind\": \"mlm\"", "{\"examples\": \"tags.jsonl\"}", "", "'stages' has one of the kind 'mlm', which "
        + "needs text or conversations; 'data' holds examples.")]
    [InlineData("\"kind\": \"embed\"", "{\"examples\": \"triples.jsonl\"}", "\"labels\": [\"a\"],",
        "'labels' cannot go with stages of the kind 'embed'.")]
    [InlineData("\"kind\": \"classify\"", "{\"examples\": \"classes.tsv\"}", "\"teacher\": \"x\",",
        "'teacher' cannot go with stages of the kind 'classify'.")]
    public void Recipe_ThatContradictsItself_SaysWhy(string stage, string data, string keys, string expected)
    {
        var error = Assert.Throws<RecipeException>(() => Run(
            "out", Start(), data, $"{stage}, \"steps\": 1, \"learning_rate\": 1", keys));
        Assert.Equal(expected, Assert.Single(error.Errors));
    }

    public void Dispose() => _folder.Dispose();

    private static string Start() =>
        $"\"start\": {JsonValue.Create(SharedAssets.Path("sentence-transformers", "cls-pooling")).ToJsonString()}";

    private void Export(string run)
    {
        using var trained = Checkpoint.Open(_folder[run]);
        Exporter.Export(trained, _folder["package"]);
    }

    private (double[] Steps, double[] Evaluations) Log(string output)
    {
        var rows = File.ReadLines(Path.Combine(_folder[output], "trainer", "log.jsonl"))
            .Select(line => JsonNode.Parse(line)!).ToArray();
        return (
            [.. rows.Where(row => row["loss"] is not null).Select(row => (double)row["loss"]!)],
            [.. rows.Where(row => row["evaluation_loss"] is not null).Select(row => (double)row["evaluation_loss"]!)]);
    }

    private TrainingReport Run(
        string output, string model, string data, string stage, string keys = "", long? stopAt = null)
    {
        File.WriteAllText(_folder[$"{output}.json"], $$"""
            { {{Names}}, "output": "{{output}}", {{keys}} {{model}}, "data": {{data}},
              "stages": [{"batch_size": 8, "sequence_length": 24, "schedule": "constant", {{stage}}}] }
            """);
        using var cancel = new CancellationTokenSource();
        return TrainingRun.Start(_folder[$"{output}.json"], new Watcher(progress =>
        {
            if (progress.Stage >= 0 && progress.Phase != "evaluate" && progress.Step == stopAt)
            {
                cancel.Cancel();
            }
        }), cancellationToken: cancel.Token);
    }

    private sealed class Watcher(Action<TrainingProgress> watch) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => watch(value);
    }
}
