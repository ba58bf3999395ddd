using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export.Tests.Checkpoints;
using Slipway.Export.Tests.Definitions;
using Slipway.Testing;

namespace Slipway.Export.Tests.Architectures;

/// <summary>Decoders that run over whole texts, for embeddings and labels.</summary>
public sealed class PooledDecoderTests(ITestOutputHelper output)
{
    private static readonly string[] Sides = ["right", "left"];

    public static TheoryData<string, string> Embedders { get; } = new()
    {
        { "embeddinggemma", "mean" },
        { "qwen3-embedding", "lasttoken" },
    };

    public static TheoryData<string> Classifiers { get; } = new("qwen3-classifier");

    public static TheoryData<string, string> Families { get; } = new()
    {
        { "gemma2", "Gemma2" },
        { "gemma3", "Gemma3Text" },
        { "gpt-neox", "GPTNeoX" },
        { "gpt2", "GPT2" },
        { "llama", "Llama" },
        { "mistral-window", "Mistral" },
        { "mixtral", "Mixtral" },
        { "phi3", "Phi3" },
        { "qwen2", "Qwen2" },
        { "qwen3", "Qwen3" },
        { "qwen3-moe", "Qwen3Moe" },
        { "smollm3", "SmolLM3" },
    };

    [Theory]
    [MemberData(nameof(Embedders))]
    public void Export_SentenceModel_EqualsTheReferencePaddedOnEitherSide(string name, string pooling)
    {
        using TemporaryFolder folder = new();
        var source = EditedCheckpoint.Read(SharedAssets.Path("tiny", name)).Write(folder["source"]);
        WriteModules(source, pooling);
        Export(source, folder["package"]);
        Compare(
            name, folder["package"], ("last_hidden_state", "last_hidden_state"), ("sentence_embedding", "embeddings"));
    }

    [Theory]
    [MemberData(nameof(Classifiers))]
    public void Export_Classifier_EqualsTheReferencePaddedOnEitherSide(string name)
    {
        using TemporaryFolder folder = new();
        Export(SharedAssets.Path("tiny", name), folder["package"]);
        Compare(name, folder["package"], ("logits", "logits"));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Export_LabelsThatAreTheVocabulary_GiveTheDecodersLogits(string name, string family)
    {
        using TemporaryFolder folder = new();
        var source = SharedAssets.Path("tiny", name);
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        var longer = DecoderParityTests.Ints(expected, "input_ids_24");
        var shorter = DecoderParityTests.Ints(expected, "input_ids_7");
        CompareVocabulary(
            name, folder, EditedCheckpoint.Read(source), family, longer, shorter,
            DecoderParityTests.Floats(expected, "logits_24"), DecoderParityTests.Floats(expected, "logits_7"));
    }

    [Fact]
    public void Export_GemmasLabelsThatAreTheVocabulary_GiveTheDefinitionsLogits()
    {
        using TemporaryFolder folder = new();
        var definition = DenseModels.All["gemma"];
        ReferenceModel model = new(seed: 7);
        int[] longer = [.. Enumerable.Range(0, 21).Select(index => (((index * 17) + 5) % 47) + 1)];
        var shorter = longer[4..9];
        var (first, second) = (Logits(longer), Logits(shorter));
        model.Save(folder["decoder"], definition.Config());
        CompareVocabulary(
            "gemma", folder, EditedCheckpoint.Read(folder["decoder"]), "Gemma", longer, shorter, first, second);

        float[] Logits(int[] ids) =>
            [.. definition.Forward(model, ids).SelectMany(row => row).Select(logit => (float)logit)];
    }

    [Fact]
    public void Export_DecoderWithAHead_EmbedsWhereModulesSaySo()
    {
        using TemporaryFolder folder = new();
        var source = EditedCheckpoint.Read(SharedAssets.Path("tiny", "qwen3")).Write(folder["source"]);
        WriteModules(source, "lasttoken");
        var report = Export(source, folder["package"]);
        Assert.Equal("Qwen3ForCausalLM", report.Manifest.Architecture);
        Assert.Empty(report.Warnings);
        using EncoderRunner runner = new(folder["package"]);
        Assert.Equal(["last_hidden_state", "sentence_embedding"], runner.Outputs.Order());
    }

    [Fact]
    public void Export_RotaryPositionsOfLongTexts_AreEachRowsOwn()
    {
        using TemporaryFolder folder = new();
        var source = EditedCheckpoint.Read(SharedAssets.Path("tiny", "phi3-longrope"));
        source.Config["architectures"] = new JsonArray("Phi3Model");
        source.Tensors.Remove("lm_head.weight");
        Export(source.Write(folder["source"]), folder["package"]);
        using var expected = Checkpoint.Open(SharedAssets.Path("tiny", "phi3-longrope", "expected.safetensors"));
        var longer = DecoderParityTests.Ints(expected, "input_ids_48");
        var shorter = DecoderParityTests.Ints(expected, "input_ids_7");
        using EncoderRunner runner = new(folder["package"]);
        var alone = Row(runner, [shorter], shorter.Length, "right")["last_hidden_state"];
        var together = Row(runner, [longer, shorter], longer.Length, "right")["last_hidden_state"];
        var size = alone.Length / shorter.Length;
        var start = longer.Length * size;
        Assert.InRange(
            DecoderParityTests.Difference(together[start..(start + alone.Length)], alone), 0, 1e-5f);
    }

    [Theory]
    [InlineData("deepseek-v3")]
    [InlineData("granite-hybrid")]
    [InlineData("qwen3.5")]
    public void Export_LayersThatCarryStates_SaysWhyTheyDoNotEmbed(string name)
    {
        using TemporaryFolder folder = new();
        var source = EditedCheckpoint.Read(SharedAssets.Path("tiny", name)).Write(folder["source"]);
        WriteModules(source, "mean");
        var error = Assert.Throws<NotSupportedException>(() => Export(source, folder["package"]));
        Assert.Equal(
            $"The layers of '{source}' carry states, latent keys or keys of other layers from step to step; over whole "
            + "texts, for embeddings and labels, only plain attention is exported. Use the checkpoint of another "
            + "architecture.",
            error.Message);
        Assert.False(Directory.Exists(folder["package"]));
    }

    // The head over the vocabulary as one over labels, for each token and for the last one.
    private void CompareVocabulary(
        string name, TemporaryFolder folder, EditedCheckpoint decoder, string family, int[] longer, int[] shorter,
        float[] expectedLonger, float[] expectedShorter)
    {
        var vocabulary = decoder.Config["vocab_size"]!.GetValue<int>();
        var head = decoder.Tensors.FirstOrDefault(tensor => tensor.Key is "lm_head.weight" or "embed_out.weight").Value;
        if (head.Values is null)
        {
            head = decoder.Tensors.Single(
                tensor => tensor.Key.EndsWith("embed_tokens.weight", StringComparison.Ordinal)
                    || tensor.Key.EndsWith("wte.weight", StringComparison.Ordinal)).Value;
        }

        decoder.Tensors["score.weight"] = head;
        decoder.Config["num_labels"] = vocabulary;
        decoder.Config["pad_token_id"] = 0;
        var cap = (float?)decoder.Config["final_logit_softcapping"] ?? 0;
        float max = 0;
        foreach (var task in (string[])["TokenClassification", "SequenceClassification"])
        {
            decoder.Config["architectures"] = new JsonArray($"{family}For{task}");
            Export(decoder.Write(folder[task]), folder[$"{task}-package"]);
            using EncoderRunner runner = new(folder[$"{task}-package"]);

            // Positions that are looked up are moved by padding on the left.
            foreach (var side in family == "GPT2" ? Sides[..1] : Sides)
            {
                var logits = Row(runner, [longer, shorter], longer.Length, side)["logits"];
                var rows = logits.Chunk(logits.Length / 2).ToArray();
                var (first, second) = task == "TokenClassification"
                    ? (rows[0], Part(rows[1], longer.Length, shorter.Length, side))
                    : (rows[0], rows[1]);
                max = Math.Max(max, Distance(first, expectedLonger[^first.Length..]));
                max = Math.Max(max, Distance(second, expectedShorter[^second.Length..]));
            }
        }

        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);

        float[] Part(float[] row, int length, int count, string side)
        {
            var start = side == "left" ? (length - count) * vocabulary : 0;
            return row[start..(start + (count * vocabulary))];
        }

        float Distance(float[] actual, float[] expected) => DecoderParityTests.Difference(
            cap > 0 ? [.. actual.Select(value => cap * MathF.Tanh(value / cap))] : actual, expected);
    }

    private void Compare(string name, string package, params (string Output, string Reference)[] tensors)
    {
        using var expected = Checkpoint.Open(SharedAssets.Path("tiny", name, "expected.safetensors"));
        using EncoderRunner runner = new(package);
        float max = 0;
        (string, string)[] sides = [("input", "output."), ("output.left", "output.left.")];
        foreach (var (inputs, prefix) in sides)
        {
            var outputs = runner.Run(
                expected.Tensors[$"{inputs}.input_ids"].Shape[0], Longs(expected, $"{inputs}.input_ids"),
                Longs(expected, $"{inputs}.attention_mask"));
            Assert.Equal(tensors.Select(tensor => tensor.Output).Order(), outputs.Keys.Order());
            max = tensors.Select(tensor => DecoderParityTests.Difference(
                outputs[tensor.Output], DecoderParityTests.Floats(expected, $"{prefix}{tensor.Reference}")))
                .Append(max).Max();
        }

        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    private static Dictionary<string, float[]> Row(EncoderRunner runner, int[][] texts, int length, string side)
    {
        List<long> ids = [], mask = [];
        foreach (var text in texts)
        {
            var padding = new long[length - text.Length];
            long[] own = [.. text.Select(id => (long)id)], ones = [.. text.Select(_ => 1L)];
            ids.AddRange(side == "left" ? [.. padding, .. own] : [.. own, .. padding]);
            mask.AddRange(side == "left" ? [.. padding, .. ones] : [.. ones, .. padding]);
        }

        return runner.Run(texts.Length, [.. ids], [.. mask]);
    }

    private static ExportReport Export(string source, string package)
    {
        using var checkpoint = Checkpoint.Open(source);
        return Exporter.Export(checkpoint, package);
    }

    private static void WriteModules(string folder, string pooling)
    {
        Directory.CreateDirectory(Path.Combine(folder, "1_Pooling"));
        File.WriteAllText(Path.Combine(folder, "1_Pooling", "config.json"), $$"""{"pooling_mode": "{{pooling}}"}""");
        File.WriteAllText(Path.Combine(folder, "modules.json"), """
            [{"path": "", "type": "Transformer"}, {"path": "1_Pooling", "type": "Pooling"},
             {"path": "2_Normalize", "type": "Normalize"}]
            """);
    }

    private static long[] Longs(Checkpoint checkpoint, string name) =>
        [.. DecoderParityTests.Floats(checkpoint, name).Select(value => (long)value)];
}
