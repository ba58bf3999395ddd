using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;
using Slipway.Tokenization;
using Slipway.Training.Modules;
using Slipway.Training.Optimization;
using static TorchSharp.torch;

namespace Slipway.Training.Models.Encoders;

/// <summary>Trains classifiers from a model without a head, and asks the packages that are made of them.</summary>
public sealed class ClassifierAnswerTests
{
    private static readonly string Source = SharedAssets.Path("sentence-transformers", "cls-pooling");

    [Fact]
    public async Task SequenceClassifier_TrainedAndExported_LabelsTexts()
    {
        (string Text, int Label)[] data =
        [
            ("what a lovely day", 1), ("this is awful", 0), ("I love the garden", 1), ("the food was terrible", 0),
            ("a wonderful evening", 1), ("never again", 0), ("best coffee in town", 1), ("rude and slow", 0),
        ];
        using var folder = new TemporaryFolder();
        using var start = Checkpoint.Open(Source);
        using var model = EncoderModel.Load(start, EncoderTask.SequenceClassification, ["bad", "good"], seed: 2);
        var tokenizer = HuggingFaceTokenizer.Load(Source);
        var all = data.Select(one => tokenizer.Encode(one.Text, addSpecialTokens: true)).ToArray();
        Train(model, all, tensor(data.Select(one => (long)one.Label).ToArray()));
        Export(model, folder["package"]);
        using var classifier = new OnnxTextClassifier(folder["package"]);
        var answers = await classifier.ClassifyAsync(
            data.Select(one => one.Text), TestContext.Current.CancellationToken);
        Assert.Equal(
            data.Select(one => one.Label == 1 ? "good" : "bad"), answers.Select(answer => answer.Best.Label));
    }

    [Fact]
    public async Task TokenClassifier_TrainedAndExported_FindsSpans()
    {
        string[] words = ["please", "call", "anna", "in", "paris", "and", "then", "bob", "in", "rome"];
        string[] labels = ["O", "PER", "LOC"];
        long[] wanted = [0, 0, 1, 0, 2, 0, 0, 1, 0, 2];
        using var folder = new TemporaryFolder();
        using var start = Checkpoint.Open(Source);
        using var model = EncoderModel.Load(start, EncoderTask.TokenClassification, labels, seed: 2);
        var tokenizer = HuggingFaceTokenizer.Load(Source);

        // The first piece of a word teaches; the others, and the special tokens, do not.
        var pieces = words.Select(word => tokenizer.Encode(word, addSpecialTokens: false)).ToArray();
        var ids = tokenizer.Encode(string.Join(' ', words), addSpecialTokens: true);
        Assert.Equal(ids[1..^1], pieces.SelectMany(piece => piece));
        var targets = pieces.SelectMany((piece, word) => piece.Select((_, place) =>
            place == 0 ? wanted[word] : EncoderModel.Unlabeled));
        Train(model, [ids], tensor([EncoderModel.Unlabeled, .. targets, EncoderModel.Unlabeled]));
        Export(model, folder["package"]);
        using var classifier = new OnnxTokenClassifier(folder["package"]);
        var spans = (await classifier.ClassifyAsync(
            [string.Join(' ', words)], TestContext.Current.CancellationToken))[0];
        Assert.Equal(["anna", "bob"], Words("PER"));
        Assert.Equal(["paris", "rome"], Words("LOC"));

        IEnumerable<string> Words(string label) =>
            spans.Where(span => span.Label == label).Select(span => span.Text);
    }

    private static void Train(EncoderModel model, int[][] texts, Tensor targets)
    {
        using var optimizer = new AdamW(model.TrainableParameters);
        using var layout = new SequenceLayout([.. texts.Select(ids => ids.Length)]);
        using var all = tensor(texts.SelectMany(ids => ids).Select(id => (long)id).ToArray());
        for (var step = 0; step < 60; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGradients();
            model.ClassificationLoss(all, layout, targets).backward();
            optimizer.ClipGradients(1);
            optimizer.Step(3e-3, 0);
        }

        targets.Dispose();
    }

    private static void Export(EncoderModel model, string folder)
    {
        using var live = new ModuleCheckpoint(
            model, SentenceModelTests.Files(Source, "tokenizer.json", "tokenizer_config.json"));
        Exporter.Export(live, folder);
    }
}
