using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;
using Slipway.Tokenization;
using Slipway.Training.Losses;
using Slipway.Training.Modules;
using Slipway.Training.Optimization;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Slipway.Training.Models.Encoders;

public sealed class SentenceModelTests(ITestOutputHelper output)
{
    private static readonly (string Text, string Partner)[] Pairs =
    [
        ("how do I reset my password?", "Open the settings and choose a new password."),
        ("when does the shop open?", "The shop opens at nine in the morning."),
        ("my parcel has not arrived", "A lost parcel is sent again within a week."),
        ("can I pay by card?", "We take every card at the counter."),
        ("where is the station?", "The station lies behind the old bridge."),
        ("is breakfast included?", "Breakfast is served in every room rate."),
    ];

    [Fact]
    public void Embed_OfAPublishedModel_EqualsTheReference()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("all-minilm-l6-v2"));
        using var model = SentenceModel.Load(checkpoint);
        Assert.True(model.Normalizes);
        var texts = JsonNode.Parse(File.ReadAllText(SharedAssets.Path("all-minilm-l6-v2", "expected.json")))!
            ["sentences"]!.AsArray().Select(text => (string)text!).ToArray();
        AssertEmbeds(model, "all-minilm-l6-v2", texts, longest: 256);
    }

    [Fact]
    public void Embed_OfFirstStates_EqualsTheReference()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("sentence-transformers", "cls-pooling"));
        using var model = SentenceModel.Load(checkpoint);
        Assert.Equal((SentencePooling.First, false), (model.Pooling, model.Normalizes));
        var texts = JsonNode.Parse(File.ReadAllText(
            SharedAssets.Path("sentence-transformers", "cls-pooling", "texts.json")))!
            .AsArray().Select(text => (string)text!).ToArray();
        AssertEmbeds(model, "sentence-transformers/cls-pooling", texts, longest: 64);
    }

    [Fact]
    public async Task ContrastiveSteps_ExportedToAPackage_FindThePartners()
    {
        using var folder = new TemporaryFolder();
        var source = SharedAssets.Path("sentence-transformers", "cls-pooling");
        using var checkpoint = Checkpoint.Open(source);
        using var model = new SentenceModel(EncoderModel.Load(checkpoint, EncoderTask.States));
        var tokenizer = HuggingFaceTokenizer.Load(source);
        var loss = new ContrastiveLoss(0.1, IsSymmetric: true);
        var losses = new List<float>();
        using var optimizer = new AdamW(model.Encoder.TrainableParameters);
        for (var step = 0; step < 40; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGradients();
            var value = loss.Compute(
                Embed(model, tokenizer, [.. Pairs.Select(pair => pair.Text)]),
                Embed(model, tokenizer, [.. Pairs.Select(pair => pair.Partner)])).mean();
            value.backward();
            optimizer.ClipGradients(1);
            optimizer.Step(3e-3, 0.01);
            losses.Add(value.item<float>());
        }

        output.WriteLine($"loss {losses[0]:f3} -> {losses[^1]:f3}");
        Assert.True(losses[^1] < losses[0] / 10, $"{losses[0]} -> {losses[^1]}");

        using var live = new ModuleCheckpoint(model, Files(source, "tokenizer.json", "tokenizer_config.json"));
        Exporter.Export(live, folder["package"]);
        using var generator = new OnnxEmbeddingGenerator(folder["package"]);
        string[] texts = [.. Pairs.Select(pair => pair.Text), .. Pairs.Select(pair => pair.Partner)];
        var answers = (await generator.GenerateAsync(texts, null, TestContext.Current.CancellationToken))
            .Select(embedding => embedding.Vector.ToArray()).ToArray();
        using (no_grad())
        {
            using var expected = Embed(model, tokenizer, texts);
            Assert.All(
                expected.data<float>().ToArray().Zip(answers.SelectMany(answer => answer)),
                pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }

        for (var text = 0; text < Pairs.Length; text++)
        {
            var best = Enumerable.Range(Pairs.Length, Pairs.Length).MaxBy(other =>
                answers[text].Zip(answers[other], (a, b) => a * b).Sum());
            Assert.Equal(Pairs.Length + text, best);
        }

        // What is saved is loaded again as it was.
        live.Save(folder["saved"]);
        using var saved = Checkpoint.Open(folder["saved"]);
        using var again = SentenceModel.Load(saved);
        Assert.Equal((SentencePooling.Mean, true), (again.Pooling, again.Normalizes));
        using var untracked = no_grad();
        using Tensor own = Embed(model, tokenizer, texts), loaded = Embed(again, tokenizer, texts);
        Assert.Equal(0, (own - loaded).abs().max().item<float>());
    }

    [Fact]
    public void Load_OfAModuleThatCannotBeTrained_NamesIt()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("sentence-transformers", "mean-dense-normalize"));
        var error = Assert.Throws<NotSupportedException>(() => SentenceModel.Load(checkpoint));
        Assert.StartsWith("The module 'Dense' in 'modules.json' of ", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Reads files that a package is made with.</summary>
    internal static Dictionary<string, byte[]> Files(string folder, params string[] names) =>
        names.ToDictionary(name => name, name => File.ReadAllBytes(Path.Combine(folder, name)));

    private void AssertEmbeds(SentenceModel model, string name, string[] texts, int longest)
    {
        var folder = SharedAssets.Path(name.Split('/'));
        using var reference = Checkpoint.Open(Path.Combine(folder, "expected.safetensors"));
        var expected = new float[reference.Tensors["embeddings"].Count];
        reference.ReadFloats("embeddings", 0, expected);
        using var untracked = no_grad();
        using var result = Embed(model, HuggingFaceTokenizer.Load(folder), texts, longest);
        using var difference = (result.view(-1) - tensor(expected)).abs().max();
        output.WriteLine($"{name}: largest difference of an embedding {difference.item<float>():e2}");
        Assert.InRange(difference.item<float>(), 0, 1e-4f);
    }

    private static Tensor Embed(
        SentenceModel model, HuggingFaceTokenizer tokenizer, string[] texts, int longest = int.MaxValue)
    {
        var all = texts.Select(text => tokenizer.Encode(text, addSpecialTokens: true)).Select(ids =>
            ids.Length <= longest ? ids : [.. ids[..(longest - 1)], ids[^1]]).ToArray();
        using var layout = new SequenceLayout([.. all.Select(ids => ids.Length)]);
        return model.Embed(tensor(all.SelectMany(ids => ids).Select(id => (long)id).ToArray()), layout);
    }
}
