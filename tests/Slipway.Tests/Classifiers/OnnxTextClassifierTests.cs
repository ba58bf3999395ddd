using System.Text.Json.Nodes;
using Slipway.Packaging;
using Slipway.Testing;
using Slipway.Tests.Encoders;

namespace Slipway.Tests.Classifiers;

public sealed class OnnxTextClassifierTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("bert-classifier", 4096)]
    [InlineData("modernbert-classifier", 4096)]
    [InlineData("modernbert-classifier", 1)]
    [InlineData("qwen3-classifier", 4096)]
    [InlineData("qwen3-classifier", 1)]
    public async Task Classify_Texts_EqualsTheReferenceInAnyBatches(string name, int maxBatchTokens)
    {
        var (texts, reference) = TinyEncoders.Reference(name, "output.logits");
        using var classifier = new OnnxTextClassifier(new OnnxTextClassifierOptions
        {
            PackagePath = TinyEncoders.Export(name, _folder), MaxBatchTokens = maxBatchTokens,
        });

        var results = await classifier.ClassifyAsync(texts, TestContext.Current.CancellationToken);

        float[] logits = [.. results.SelectMany(text => text.Scores.Select(label => label.Logit))];
        var max = logits.Zip(reference, (x, y) => Math.Abs(x - y)).Max();
        output.WriteLine($"{name}, {maxBatchTokens} tokens a batch: largest difference {max:0.0e+0}");
        Assert.Equal(reference.Length, logits.Length);
        Assert.InRange(max, 0, 1e-5f);
        foreach (var text in results)
        {
            Assert.Equal(["LABEL_0", "LABEL_1", "LABEL_2"], text.Scores.Select(label => label.Label));
            var sum = text.Scores.Sum(label => Math.Exp(label.Logit));
            Assert.All(text.Scores, label => Assert.Equal(Math.Exp(label.Logit) / sum, label.Score, 1e-6));
            Assert.Equal(text.Scores.Max(label => label.Score), text.Best.Score);
        }
    }

    [Fact]
    public async Task Classify_Pairs_HaveTokensOfTwoTypes()
    {
        var package = TinyEncoders.Export("bert-classifier", _folder);
        var expected = TinyEncoders.Run(package, [5, 6, 7, 80, 90], [0, 0, 0, 1, 1]);
        using var classifier = new OnnxTextClassifier(package);
        var result = await classifier.ClassifyAsync([("t5 t6 t7", "t80 t90")], TestContext.Current.CancellationToken);
        Assert.All(result[0].Scores.Zip(expected), label => Assert.Equal(label.Second, label.First.Logit, 1e-5f));
        Assert.NotEqual(
            expected[0], TinyEncoders.Run(package, [5, 6, 7, 80, 90], [0, 0, 0, 0, 0])[0], 1e-4f);
    }

    [Theory]
    [InlineData("multi_label_classification")]
    [InlineData("regression")]
    public async Task Classify_ProblemType_DecidesTheScores(string type)
    {
        var package = TinyEncoders.Export("modernbert-classifier", _folder, config =>
        {
            config["problem_type"] = type;
            config["id2label"] = new JsonObject { ["0"] = "toxic", ["1"] = "spam", ["2"] = "kind" };
        });
        using var classifier = new OnnxTextClassifier(package);
        var result = (await classifier.ClassifyAsync(["t5 t9 t200"], TestContext.Current.CancellationToken))[0];
        Assert.Equal(["toxic", "spam", "kind"], result.Scores.Select(label => label.Label));
        Assert.All(result.Scores, label => Assert.Equal(
            type == "regression" ? label.Logit : 1 / (1 + Math.Exp(-label.Logit)), label.Score, 1e-6));
    }

    [Fact]
    public async Task Classify_OneLabel_HasItsSigmoid()
    {
        using var classifier = new OnnxTextClassifier(TinyEncoders.Export("xlm-roberta-reranker", _folder));
        var result = (await classifier.ClassifyAsync(["t5 t9 t200"], TestContext.Current.CancellationToken))[0];
        Assert.Equal(1 / (1 + Math.Exp(-result.Best.Logit)), result.Best.Score, 1e-6);
    }

    [Fact]
    public async Task Classify_ManyCallersAtOnce_GivesEachItsOwn()
    {
        var (texts, reference) = TinyEncoders.Reference("qwen3-classifier", "output.logits");
        using var classifier = new OnnxTextClassifier(TinyEncoders.Export("qwen3-classifier", _folder));
        var results = await Task.WhenAll(Enumerable.Range(0, 30).Select(
            i => classifier.ClassifyAsync([texts[i % texts.Length]], TestContext.Current.CancellationToken)));
        for (var i = 0; i < results.Length; i++)
        {
            Assert.Equal(reference[i % texts.Length * 3], results[i][0].Scores[0].Logit, 1e-5f);
        }
    }

    [Fact]
    public async Task Classify_LongText_IsCutOffToTheContext()
    {
        using var classifier = new OnnxTextClassifier(new OnnxTextClassifierOptions
        {
            PackagePath = TinyEncoders.Export("modernbert-classifier", _folder), ContextLength = 4,
        });
        var results = await classifier.ClassifyAsync(
            ["t10 t11 t12 t13 t14 t15", "t10 t11 t12 t13"], TestContext.Current.CancellationToken);
        Assert.Equal(results[1].Best, results[0].Best);
    }

    [Fact]
    public async Task Classify_BadRequestOrPackage_SaysWhatIsWrong()
    {
        var package = TinyEncoders.Export("bert-token-classifier", _folder);
        using var classifier = new OnnxTextClassifier(package);
        Assert.Equal(
            $"The model of '{package}' tells no labels of whole texts; its outputs are 'logits'. Give the package of a "
            + "model for sequence classification; one for tokens is OnnxTokenClassifier's.",
            (await Assert.ThrowsAsync<NotSupportedException>(
                () => classifier.ClassifyAsync(["t1"], TestContext.Current.CancellationToken))).Message);
        Assert.StartsWith(
            "The text at '1' is null. Leave it out, or give ''.",
            (await Assert.ThrowsAsync<ArgumentException>(
                () => classifier.ClassifyAsync(["t1", null!], TestContext.Current.CancellationToken))).Message,
            StringComparison.Ordinal);
        Assert.StartsWith(
            "The pair at '0' holds a null. Leave it out, or give ''.",
            (await Assert.ThrowsAsync<ArgumentException>(
                () => classifier.ClassifyAsync([("t1", null!)], TestContext.Current.CancellationToken))).Message,
            StringComparison.Ordinal);

        var decoder = PackageCases.Folder(PackageCases.Exact);
        using var chatty = new OnnxTextClassifier(decoder);
        Assert.Equal(
            $"The package '{decoder}' holds a 'genai_config.json', so it is a decoder. Chat with it, or give the "
            + "package of an encoder.",
            (await Assert.ThrowsAsync<PackageException>(
                () => chatty.ClassifyAsync(["a"], TestContext.Current.CancellationToken))).Message);
    }

    [Fact]
    public async Task Classify_LabelsThatAreNoneOrTooFew_IsRefused()
    {
        var package = TinyEncoders.Export("bert-mlm", _folder);
        using var tokens = new OnnxTokenClassifier(package);
        Assert.Equal(
            $"The model of '{package}' gives 256 numbers where its 'config.json' has 2 labels, so it classifies "
            + "nothing. Give the package of a model for sequence or token classification.",
            (await Assert.ThrowsAsync<NotSupportedException>(
                () => tokens.ClassifyAsync(["t1"], TestContext.Current.CancellationToken))).Message);

        package = TinyEncoders.Export(
            "modernbert-classifier", _folder, config => config["problem_type"] = "ranking");
        using var ranking = new OnnxTextClassifier(package);
        Assert.Equal(
            $"'problem_type' in 'config.json' of '{package}' is 'ranking'; expected 'single_label_classification', "
            + "'multi_label_classification' or 'regression'. Mend the file.",
            (await Assert.ThrowsAsync<NotSupportedException>(
                () => ranking.ClassifyAsync(["t1"], TestContext.Current.CancellationToken))).Message);
    }

    [Fact]
    public async Task Dispose_RefusesLaterRequests()
    {
        var classifier = new OnnxTextClassifier(TinyEncoders.Export("qwen3-classifier", _folder));
        await classifier.ClassifyAsync(["t1"], TestContext.Current.CancellationToken);
        classifier.Dispose();
        classifier.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => classifier.ClassifyAsync(["t1"], TestContext.Current.CancellationToken));
    }
}
