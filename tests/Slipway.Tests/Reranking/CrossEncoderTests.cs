using System.Text.Json.Nodes;
using Slipway.Testing;
using Slipway.Tests.Encoders;

namespace Slipway.Tests.Reranking;

public sealed class CrossEncoderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Score_XlmRoberta_EqualsTheReference()
    {
        var (texts, reference) = TinyEncoders.Reference("xlm-roberta-reranker", "output.logits");
        using var reranker = new OnnxReranker(TinyEncoders.Export("xlm-roberta-reranker", _folder));
        var scores = await reranker.ScoreAsync(
            [.. texts.Select(text => (text[..text.IndexOf(' ', 5)], text[text.IndexOf(' ', 5)..]))],
            TestContext.Current.CancellationToken);
        Assert.All(scores.Zip(reference), score => Assert.Equal(score.Second, score.First.Logit, 1e-5f));
        Assert.All(scores, score => Assert.Equal(1 / (1 + Math.Exp(-score.Logit)), score.Score, 1e-6));
    }

    [Theory]
    [InlineData("torch.nn.modules.linear.Identity", false)]
    [InlineData("torch.nn.modules.activation.Sigmoid", true)]
    public async Task Score_Activation_IsTheFilesChoice(string activation, bool isSigmoid)
    {
        var package = TinyEncoders.Export(
            "xlm-roberta-reranker", _folder,
            config => config["sentence_transformers"] = new JsonObject { ["activation_fn"] = activation });
        using var reranker = new OnnxReranker(package);
        var score = (await reranker.ScoreAsync([("t10", "t20")], TestContext.Current.CancellationToken))[0];
        Assert.Equal(isSigmoid ? 1 / (1 + Math.Exp(-score.Logit)) : score.Logit, score.Score, 1e-6);
    }

    [Fact]
    public async Task Score_Prompt_GoesBeforeTheQuery()
    {
        var package = TinyEncoders.Export(
            "xlm-roberta-reranker", _folder,
            files: ("config_sentence_transformers.json", """{"prompts": {"web": "t30 t31 "}}"""));
        using var prompted = new OnnxReranker(new OnnxRerankerOptions { PackagePath = package, PromptName = "web" });
        using var plain = new OnnxReranker(package);
        Assert.Equal(
            (await plain.ScoreAsync([("t30 t31 t10", "t20")], TestContext.Current.CancellationToken))[0],
            (await prompted.ScoreAsync([("t10", "t20")], TestContext.Current.CancellationToken))[0]);
    }

    [Fact]
    public async Task Score_SeveralLabelsOrADecodersOption_IsRefused()
    {
        var package = TinyEncoders.Export("modernbert-classifier", _folder);
        using var reranker = new OnnxReranker(package);
        Assert.Equal(
            $"The model of '{package}' has 3 labels, so it ranks nothing. Classify pairs with OnnxTextClassifier, or "
            + "give the package of a cross-encoder, a model for sequence classification with one label.",
            (await Assert.ThrowsAsync<NotSupportedException>(
                () => reranker.ScoreAsync([("t1", "t2")], TestContext.Current.CancellationToken))).Message);

        package = TinyEncoders.Export("xlm-roberta-reranker", _folder);
        using var instructed = new OnnxReranker(
            new OnnxRerankerOptions { PackagePath = package, Instruction = "t1" });
        Assert.StartsWith(
            "Instruction, TrueToken and FalseToken are for decoders that answer yes or no; the package "
            + $"'{package}' is a cross-encoder's. Leave them null, or set PromptName.",
            (await Assert.ThrowsAsync<ArgumentException>(
                () => instructed.ScoreAsync([("t1", "t2")], TestContext.Current.CancellationToken))).Message,
            StringComparison.Ordinal);
    }
}
