using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Testing;

namespace Slipway.Export.Tests.Checkpoints;

public sealed class ReportedCheckpointTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("tie-true-distinct-head", "model", "expected")]
    [InlineData("flat-keys", "model", "expected")]
    [InlineData("index-names-tied-head", "model", "expected")]
    [InlineData("index-names-tied-head", "model-mtp", "expected-mtp")]
    [InlineData("unneeded-tensors", "model", "expected")]
    public void Export_ReportedCheckpoint_EqualsTheReference(string name, string model, string expected) =>
        CheckLogits(
            SharedAssets.Path("reported", name, model), SharedAssets.Path("reported", name, $"{expected}.safetensors"));

    [Fact]
    public void Export_TensorsBesideTheModel_AreReported() => Assert.Equal(
        ["v_head.summary.bias", "v_head.summary.weight"],
        Export(SharedAssets.Path("reported", "unneeded-tensors", "model")).UnusedTensors);

    [Theory]
    [InlineData("llama", "model.", "")]
    [InlineData("llama", "model.", "language_model.model.")]
    [InlineData("llama", "model.", "model.language_model.")]
    [InlineData("llama", "", "module.")]
    [InlineData("llama", "", "_orig_mod.")]
    [InlineData("llama", "", "language_model.")]
    [InlineData("llama", "", "base_model.model.")]
    [InlineData("gpt2", "transformer.", "")]
    [InlineData("gpt-neox", "gpt_neox.", "")]
    [InlineData("qwen3-moe", "model.", "")]
    [InlineData("gpt-oss", "model.", "")]
    [InlineData("gemma3", "model.", "language_model.model.")]
    public void Export_OtherPrefix_EqualsTheReference(string name, string prefix, string other)
    {
        var source = SharedAssets.Path("tiny", name);
        CheckLogits(
            Edited(source, prefix, other).Write(_folder["source"]), Path.Combine(source, "expected.safetensors"));
    }

    [Theory]
    [InlineData("", "safetensors")]
    [InlineData("language_model.model.", "dat")]
    [InlineData("", "dat")]
    [InlineData("", "bin")]
    [InlineData("model.language_model.", "bin")]
    public void Export_OtherPrefixInOtherFormats_EqualsTheReference(string prefix, string format)
    {
        var source = SharedAssets.Path("tiny", "qwen3");
        CheckLogits(
            Edited(source, "model.", prefix)
            .Write(_folder["source"], format), Path.Combine(source, "expected.safetensors"));
    }

    [Theory]
    [InlineData("bert", "", "bert.")]
    [InlineData("bert", "", "model.")]
    [InlineData("bert-mlm", "bert.", "")]
    [InlineData("bert-classifier", "bert.", "")]
    [InlineData("bert-classifier", "", "module.")]
    [InlineData("xlm-roberta", "", "roberta.")]
    public void Export_EncoderWithOtherPrefix_EqualsTheReference(string name, string prefix, string other)
    {
        var source = SharedAssets.Path("tiny", name);
        Export(Edited(source, prefix, other).Write(_folder["source"]));
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        var actual = RunEncoder(expected, out var first);
        var max = DecoderParityTests.Difference(actual, DecoderParityTests.Floats(expected, $"output.{first}"));
        output.WriteLine($"{name} '{other}': largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    [Fact]
    public void Export_TwoTensorsOfOneName_TakesTheArchitecturesOwn()
    {
        var source = SharedAssets.Path("tiny", "llama");
        var edited = EditedCheckpoint.Read(source);
        edited.Tensors["language_model.model.norm.weight"] = (new float[64], [64]);
        var report = CheckLogits(edited.Write(_folder["source"]), Path.Combine(source, "expected.safetensors"));
        Assert.Equal(["language_model.model.norm.weight"], report.UnusedTensors);
    }

    [Theory]
    [InlineData("llama3-rope", "lm_head.weight", "model.embed_tokens.weight")]
    [InlineData("gpt2", "lm_head.weight", "transformer.wte.weight")]
    public void Export_TiedHeadStoredToo_IsTheEmbeddingAndTold(string name, string head, string embedding)
    {
        var source = SharedAssets.Path("tiny", name);
        var edited = EditedCheckpoint.Read(source);
        edited.Tensors[head] = edited.Tensors[embedding];
        var report = CheckLogits(edited.Write(_folder["source"]), Path.Combine(source, "expected.safetensors"));
        Assert.Equal([head], report.UnusedTensors);
        var twice = new FileInfo(Path.Combine(_folder["package"], "model.onnx.data")).Length;
        Exporter.Export(
            Checkpoint.Open(_folder["source"]), _folder["strict"], new ExportOptions { Strict = true });
        Assert.Equal(twice, new FileInfo(Path.Combine(_folder["strict"], "model.onnx.data")).Length);
    }

    [Theory]
    [InlineData("llama3-rope", "lm_head.weight", "model.embed_tokens.weight")]
    [InlineData("gpt2", "lm_head.weight", "transformer.wte.weight")]
    public void Export_TiedModelWithTheHeadAlone_TakesItForTheEmbedding(string name, string head, string embedding)
    {
        var source = SharedAssets.Path("tiny", name);
        CheckLogits(
            EditedCheckpoint.Read(source).Rename(key => key == embedding ? head : key).Write(_folder["source"]),
            Path.Combine(source, "expected.safetensors"));
    }

    [Theory]
    [InlineData("safetensors", Precision.Float32)]
    [InlineData("dat", Precision.Float32)]
    [InlineData("bin", Precision.Float32)]
    [InlineData("safetensors", Precision.Int8)]
    public void Export_TiedHeadThatDiffers_IsTheHead(string format, Precision precision)
    {
        // The logits of a head of its own are those of the same model that says so.
        var source = SharedAssets.Path("reported", "tie-true-distinct-head", "model");
        var edited = EditedCheckpoint.Read(source);
        Export(edited.Write(_folder["tied"], format), "tied-package", precision);
        edited.Config["tie_word_embeddings"] = false;
        Export(edited.Write(_folder["own"], format), "own-package", precision);
        int[] ids = [.. Enumerable.Range(0, 24).Select(index => index * 7 % 250)];
        using DecoderRunner tied = new(_folder["tied-package"]);
        using DecoderRunner own = new(_folder["own-package"]);
        Assert.Equal(own.Run(ids), tied.Run(ids));
    }

    [Fact]
    public void Export_NoHeadAndNotTied_SaysWhatToSet()
    {
        var edited = EditedCheckpoint.Read(SharedAssets.Path("tiny", "llama"));
        edited.Tensors.Remove("lm_head.weight");
        var source = edited.Write(_folder["source"]);
        var exception = Assert.Throws<CheckpointException>(() => Export(source));
        Assert.Equal(
            $"The checkpoint '{source}' lacks the head 'lm_head.weight', and 'tie_word_embeddings' in its "
            + "configuration does not say that the embedding is the head. Set 'tie_word_embeddings' to 'true' where it "
            + "is, or put the weight file that holds the head beside the others.", exception.Message);
    }

    [Theory]
    [InlineData("cls.predictions.decoder.weight")]
    [InlineData("cls.predictions.decoder.bias")]
    public void Export_MaskedTokenHeadThatDiffers_IsTheHead(string tensor)
    {
        var source = SharedAssets.Path("tiny", "bert-mlm");
        var edited = EditedCheckpoint.Read(source);
        int vocabulary = edited.Config["vocab_size"]!.GetValue<int>(),
            size = edited.Config["hidden_size"]!.GetValue<int>();
        var isBias = tensor.EndsWith("bias", StringComparison.Ordinal);
        var own = isBias ? new float[vocabulary] : new float[vocabulary * size];
        edited.Tensors[tensor] = (own, isBias ? [vocabulary] : [vocabulary, size]);
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));

        // The head of zeros leaves the bias; the bias of zeros leaves the reference less its bias.
        var bias = edited.Tensors["cls.predictions.bias"].Values;
        var reference = DecoderParityTests.Floats(expected, "output.logits");
        Export(edited.Write(_folder["source"]));
        var actual = RunEncoder(expected, out _);
        var max = DecoderParityTests.Difference(
            actual,
            [.. reference.Select((value, index) => isBias
                ? value - bias[index % vocabulary] : bias[index % vocabulary])]);
        output.WriteLine($"{tensor}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    [Fact]
    public void Export_MaskedTokenHeadStoredToo_IsTheEmbedding()
    {
        var source = SharedAssets.Path("tiny", "bert-mlm");
        var edited = EditedCheckpoint.Read(source);
        edited.Tensors["cls.predictions.decoder.weight"] = edited.Tensors["bert.embeddings.word_embeddings.weight"];
        edited.Tensors["cls.predictions.decoder.bias"] = edited.Tensors["cls.predictions.bias"];
        var report = Export(edited.Write(_folder["source"]));
        Assert.Contains("cls.predictions.decoder.weight", report.UnusedTensors);
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        Assert.InRange(
            DecoderParityTests.Difference(
                RunEncoder(expected, out _), DecoderParityTests.Floats(expected, "output.logits")), 0, 1e-4f);
    }

    [Theory]
    [InlineData("dtype")]
    [InlineData("torch_dtype")]
    [InlineData(null)]
    public void Export_TypeInTheConfiguration_ChangesNothing(string? key)
    {
        var source = SharedAssets.Path("tiny", "mistral-window");
        var edited = EditedCheckpoint.Read(source);
        edited.Config.Remove("dtype");
        edited.Config.Remove("torch_dtype");
        if (key is not null)
        {
            edited.Config[key] = "bfloat16";
        }

        CheckLogits(edited.Write(_folder["source"]), Path.Combine(source, "expected.safetensors"));
    }

    private static EditedCheckpoint Edited(string source, string prefix, string other) =>
        EditedCheckpoint.Read(source).Rename(key => key.StartsWith(prefix, StringComparison.Ordinal)
            ? other + key[prefix.Length..]
            : key);

    private ExportReport Export(string source, string package = "package", Precision precision = Precision.Float32)
    {
        using var checkpoint = Checkpoint.Open(source);
        return Exporter.Export(checkpoint, _folder[package], new ExportOptions { Precision = precision });
    }

    private ExportReport CheckLogits(string source, string values)
    {
        var report = Export(source);
        using var expected = Checkpoint.Open(values);
        float max = 0;
        foreach (var length in (int[])[7, 24, 48])
        {
            using DecoderRunner runner = new(_folder["package"]);
            max = Math.Max(max, DecoderParityTests.Difference(
                runner.Run(DecoderParityTests.Ints(expected, $"input_ids_{length}")),
                DecoderParityTests.Floats(expected, $"logits_{length}")));
        }

        output.WriteLine($"largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
        return report;
    }

    // The output of the reference's inputs that the reference has too.
    private float[] RunEncoder(Checkpoint expected, out string name)
    {
        using EncoderRunner runner = new(_folder["package"]);
        var outputs = runner.Run(
            expected.Tensors["input.input_ids"].Shape[0], Longs("input.input_ids"), Longs("input.attention_mask"),
            expected.Tensors.ContainsKey("input.token_type_ids") ? Longs("input.token_type_ids") : null);
        name = outputs.ContainsKey("logits") ? "logits" : "last_hidden_state";
        return outputs[name];

        long[] Longs(string key) => [.. DecoderParityTests.Floats(expected, key).Select(value => (long)value)];
    }
}
