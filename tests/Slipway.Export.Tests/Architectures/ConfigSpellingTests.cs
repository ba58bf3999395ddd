using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export.Tests.Checkpoints;
using Slipway.Testing;

namespace Slipway.Export.Tests.Architectures;

/// <summary>Configurations as transformers 4 spelled them: reference folders are as transformers 5 does.</summary>
public sealed class ConfigSpellingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(DecoderParityTests.Names), MemberType = typeof(DecoderParityTests))]
    public void Export_ConfigurationOfTransformers4_EqualsTheReference(string name)
    {
        var source = SharedAssets.Path("tiny", name);
        Directory.CreateDirectory(_folder["checkpoint"]);
        File.Copy(Path.Combine(source, "model.safetensors"), Path.Combine(_folder["checkpoint"], "model.safetensors"));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        Spell(config);
        File.WriteAllText(Path.Combine(_folder["checkpoint"], "config.json"), config.ToJsonString());
        using (var checkpoint = Checkpoint.Open(_folder["checkpoint"]))
        {
            Exporter.Export(checkpoint, _folder["package"]);
        }

        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        using DecoderRunner runner = new(_folder["package"]);
        var max = DecoderParityTests.Difference(
            runner.Run(DecoderParityTests.Ints(expected, "input_ids_48")),
            DecoderParityTests.Floats(expected, "logits_48"));
        Assert.InRange(max, 0, 1e-4f);
    }

    /// <summary>Published checkpoints hold other towers too, and the text model's keys in a section.</summary>
    [Theory]
    [InlineData("gemma4-moe")]
    [InlineData("gemma4-moe-published")]
    public void Export_TextModelOfSeveralKindsOfInput_EqualsTheReference(string name)
    {
        var source = SharedAssets.Path("tiny", name);
        var edited = EditedCheckpoint.Read(source).Rename(
            tensor => tensor.Replace("model.", "model.language_model.", StringComparison.Ordinal));
        edited.Tensors.Add("model.vision_tower.patch_embedder.weight", ([1, 2], [2]));
        var text = edited.Config.DeepClone().AsObject();
        text.Remove("architectures");
        edited.Config.Clear();
        edited.Config["architectures"] = new JsonArray("Gemma4ForConditionalGeneration");
        edited.Config["text_config"] = text;
        edited.Write(_folder["checkpoint"]);
        using (var checkpoint = Checkpoint.Open(_folder["checkpoint"]))
        {
            var report = Exporter.Export(checkpoint, _folder["package"]);
            Assert.Contains("model.vision_tower.patch_embedder.weight", report.UnusedTensors);
        }

        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        using DecoderRunner runner = new(_folder["package"]);
        var max = DecoderParityTests.Difference(
            runner.Run(DecoderParityTests.Ints(expected, "input_ids_48")),
            DecoderParityTests.Floats(expected, "logits_48"));
        Assert.InRange(max, 0, 1e-4f);
    }

    private static void Spell(JsonObject config)
    {
        Move(config, "dtype", config, "torch_dtype");
        if (config["rope_parameters"] is not JsonObject rotary)
        {
            return;
        }

        // Gemma 4 has had no other spelling; Gemma 3 had one base for layers with a window.
        if (rotary["full_attention"] is JsonObject full)
        {
            if (full["rope_type"]!.GetValue<string>() == "proportional")
            {
                return;
            }

            Move(rotary["sliding_attention"]!.AsObject(), "rope_theta", config, "rope_local_base_freq");
            rotary = full;
        }

        config.Remove("rope_parameters");
        var old = config["model_type"]!.GetValue<string>() == "gpt_neox";
        Move(rotary, "rope_theta", config, old ? "rotary_emb_base" : "rope_theta");
        Move(rotary, "partial_rotary_factor", config, old ? "rotary_pct" : "partial_rotary_factor");
        if (config.ContainsKey("original_max_position_embeddings"))
        {
            rotary.Remove("original_max_position_embeddings");
        }

        if (rotary["rope_type"]!.GetValue<string>() != "default")
        {
            rotary.Remove("type");
            Move(rotary, "rope_type", rotary, "type");
            config["rope_scaling"] = rotary.DeepClone();
        }
    }

    private static void Move(JsonObject from, string name, JsonObject to, string other)
    {
        if (from[name] is { } value)
        {
            from.Remove(name);
            to[other] = value;
        }
    }
}
