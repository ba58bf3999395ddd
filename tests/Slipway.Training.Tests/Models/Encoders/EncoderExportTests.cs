using System.Text.Json.Nodes;
using Microsoft.ML.OnnxRuntime;
using Slipway.Export;
using Slipway.Testing;
using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models.Encoders;

/// <summary>Compares modules with the graphs that the exporter, which knows the architectures by itself, writes of
/// them.</summary>
public sealed class EncoderExportTests(ITestOutputHelper output)
{
    private static readonly string[] Families = ["Bert", "Roberta", "XLMRoberta", "DistilBert", "ModernBert"];

    private static readonly string[] Endings =
        ["Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification"];

    public static TheoryData<string> Architectures =>
        [.. Families.SelectMany(family => Endings.Select(ending => family + ending))];

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Package_OfAModule_GivesItsOutputs(string architecture)
    {
        using var model = Small(architecture);
        AssertExports(model);
    }

    [Theory]
    [InlineData("ModernBertForSequenceClassification", "classifier_pooling", "\"mean\"")]
    [InlineData("ModernBertForMaskedLM", "decoder_bias", "false")]
    [InlineData("ModernBertForMaskedLM", "norm_bias", "true")]
    [InlineData("ModernBertForTokenClassification", "attention_bias", "true")]
    [InlineData("ModernBertModel", "layer_types", "[\"sliding_attention\", \"sliding_attention\", \"full_attention\"]")]
    [InlineData("BertForMaskedLM", "tie_word_embeddings", "false")]
    [InlineData("RobertaForMaskedLM", "tie_word_embeddings", "false")]
    [InlineData("DistilBertForMaskedLM", "tie_word_embeddings", "false")]
    [InlineData("BertForMaskedLM", "hidden_act", "\"relu\"")]
    [InlineData("RobertaModel", "pad_token_id", "0")]
    public void Package_OfAVariant_GivesItsOutputs(string architecture, string key, string value)
    {
        using var model = Small(architecture, (key, JsonNode.Parse(value)!));
        AssertExports(model);
    }

    /// <summary>A small model of a class name, all of whose weights matter.</summary>
    internal static EncoderModel Small(string architecture, params ReadOnlySpan<(string Key, JsonNode Value)> more)
    {
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(architecture), ["vocab_size"] = 90, ["hidden_size"] = 48, ["dim"] = 48,
            ["intermediate_size"] = 80, ["hidden_dim"] = 80, ["num_hidden_layers"] = 3, ["n_layers"] = 3,
            ["num_attention_heads"] = 3, ["n_heads"] = 3, ["max_position_embeddings"] = 64, ["pad_token_id"] = 1,
            ["type_vocab_size"] = 2, ["layer_norm_eps"] = 1e-5, ["local_attention"] = 8,
            ["global_attn_every_n_layers"] = 2, ["id2label"] = new JsonObject { ["0"] = "a", ["1"] = "b", ["2"] = "c" },
        };
        foreach (var (key, value) in more)
        {
            config[key] = value;
        }

        var model = new EncoderModel(EncoderConfig.Parse(config, "test"), seed: 3);
        using var generator = new Generator(11);
        using var untracked = no_grad();
        foreach (var (_, parameter) in model.named_parameters())
        {
            parameter.add_(randn(parameter.shape, generator: generator) * 0.2);
        }

        return model;
    }

    private void AssertExports(EncoderModel model)
    {
        using var folder = new TemporaryFolder();
        using var live = new ModuleCheckpoint(model);
        Exporter.Export(live, folder["package"]);
        int[] lengths = [5, 30, 17];
        using var layout = new SequenceLayout(lengths);
        var ids = Enumerable.Range(0, lengths.Sum()).Select(index => 3L + (index * 31 % 80)).ToArray();
        using var untracked = no_grad();
        using var expected = model.forward(tensor(ids), layout);
        var (start, max) = (0, 0f);
        var all = expected.data<float>().ToArray();
        var perText = model.Config.Task == EncoderTask.SequenceClassification;
        var width = (int)expected.shape[1];
        var outputs = Run(folder["package"], ids, lengths);
        for (var text = 0; text < lengths.Length; text++)
        {
            var rows = perText ? 1 : lengths[text];
            for (var index = 0; index < rows * width; index++)
            {
                max = Math.Max(max, Math.Abs(
                    all[(perText ? text * width : start * width) + index]
                    - outputs[(perText ? text * width : text * lengths.Max() * width) + index]));
            }

            start += lengths[text];
        }

        output.WriteLine($"{model.Config.ToJson()["architectures"]![0]}: largest difference {max:e2}");
        Assert.True(all.Max() - all.Min() > 0.1);
        Assert.InRange(max, 0, 1e-4f);
    }

    // The texts as rows of a batch, padded at their ends.
    private static float[] Run(string folder, long[] ids, int[] lengths)
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(Path.Combine(folder, "model.onnx"), options);
        long[] shape = [lengths.Length, lengths.Max()];
        var padded = new long[shape[0] * shape[1]];
        var mask = new long[padded.Length];
        Array.Fill(padded, (long)JsonNode.Parse(File.ReadAllText(
            Path.Combine(folder, "config.json")))!["pad_token_id"]!);
        var start = 0;
        for (var text = 0; text < lengths.Length; text++)
        {
            ids.AsSpan(start, lengths[text]).CopyTo(padded.AsSpan((int)(text * shape[1])));
            mask.AsSpan((int)(text * shape[1]), lengths[text]).Fill(1);
            start += lengths[text];
        }

        var inputs = session.InputNames.ToDictionary(name => name, name => OrtValue.CreateTensorValueFromMemory(
            name switch { "input_ids" => padded, "attention_mask" => mask, _ => new long[padded.Length] }, shape));
        using var run = new RunOptions();
        using var outputs = session.Run(run, inputs, [session.OutputNames[0]]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
