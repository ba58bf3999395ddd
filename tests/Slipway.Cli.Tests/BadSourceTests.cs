using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>
/// Exports of checkpoints that cannot be exported: one sentence, code 1, and no file that was not there.
/// </summary>
public sealed class BadSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(
        "model.safetensors", 500,
        "The safetensors file '{0}' ends at byte 500, inside its header of 3080 bytes. Copy or download it again.")]
    [InlineData(
        "model.safetensors", 50000,
        "The safetensors file '{0}' places tensor 'model.embed_tokens.weight' at bytes 32768 to 65536 of its data, "
        + "which has "
        + "46912. Copy or download it again.")]
    [InlineData(
        "config.json", 1,
        "The file '{0}' is not valid JSON: Expected depth to be zero at the end of the JSON payload. There is an "
        + "open JSON object "
        + "or array that should be closed. LineNumber: 0 | BytePositionInLine: 1. Correct it or download it again.")]
    [InlineData(
        "tokenizer.json", 1,
        "'tokenizer.json' of '{1}' is not valid JSON: Expected depth to be zero at the end of the JSON payload. "
        + "There is an open "
        + "JSON object or array that should be closed. LineNumber: 0 | BytePositionInLine: 1. Fetch it again or "
        + "delete it.")]
    [InlineData(
        "generation_config.json", 1,
        "'generation_config.json' of '{1}' is not valid JSON: Expected depth to be zero at the end of the JSON "
        + "payload. There is "
        + "an open JSON object or array that should be closed. LineNumber: 0 | BytePositionInLine: 1. Fetch it again "
        + "or delete "
        + "it.")]
    public Task Export_TruncatedFile_SaysWhereItEnds(string file, int length, string expected)
    {
        string source = SmallPackage.WriteCheckpoint(_folder), path = Path.Combine(source, file);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..length]);
        return AssertRefusedAsync(source, expected.Replace("{0}", path, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(
        "tokenizer.json", "[]",
        "'tokenizer.json' of '{1}' is not valid JSON: expected an object. Fetch it again or delete it.")]
    [InlineData(
        "tokenizer_config.json", "3",
        "'tokenizer_config.json' of '{1}' is not valid JSON: expected an object. Fetch it again or delete it.")]
    [InlineData(
        "generation_config.json", """{"eos_token_id": "two"}""",
        "'eos_token_id' in the configuration of '{1} (generation_config.json)' is 'two'; expected a token id or a "
        + "list of them.")]
    [InlineData("config.json", "[]",
    "The file '{0}' holds a JSON array; expected an object. Correct it or download it again.")]
    public Task Export_FileOfAnotherForm_NamesIt(string file, string content, string expected)
    {
        string source = SmallPackage.WriteCheckpoint(_folder), path = Path.Combine(source, file);
        File.WriteAllText(path, content);
        return AssertRefusedAsync(source, expected.Replace("{0}", path, StringComparison.Ordinal));
    }

    [Fact]
    public Task Export_NoConfiguration_SaysWhatToPutWhere()
    {
        string source = SmallPackage.WriteCheckpoint(_folder), path = Path.Combine(source, "config.json");
        File.Delete(path);
        return AssertRefusedAsync(
            source, $"The file '{path}' is missing. Put the model's Hugging Face 'config.json' beside its weights.");
    }

    [Theory]
    [InlineData(
        0, "ends at byte 0, inside the number of tensors")]
    [InlineData(
        50000,
        "ends at byte 50000, inside tensor 'model.embed_tokens.weight' of shape [320, 64]: 81920 bytes from 32 on")]
    public Task Export_TruncatedTorchSharp_NamesTheTensor(int length, string problem)
    {
        var path = CopyDat();
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..length]);
        return AssertRefusedAsync(
            _folder["dat"], $"The TorchSharp file '{path}' {problem}. Copy or download it again.");
    }

    [Fact]
    public Task Export_AlteredTorchSharp_NamesTheValue()
    {
        var path = CopyDat();
        var bytes = File.ReadAllBytes(path);
        bytes[0]--;
        File.WriteAllBytes(path, bytes);
        return AssertRefusedAsync(
            _folder["dat"],
            $"The TorchSharp file '{path}' has 81940 bytes after its last tensor. Copy or download it again.");
    }

    [Theory]
    [InlineData(4, "The GGUF file '{0}' ends at byte 4, inside its version. Copy or download it again.")]
    [InlineData(3000,
        "The GGUF file '{0}' places tensor 'f16' at 8192, behind its end at 3000. Copy or download it again.")]
    public Task Export_TruncatedGguf_NamesTheTensor(int length, string expected)
    {
        var path = _folder["model.gguf"];
        File.WriteAllBytes(path, File.ReadAllBytes(SharedAssets.Path("gguf", "types.gguf"))[..length]);
        return AssertRefusedAsync(path, expected.Replace("{0}", path, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(
        "architectures", """["MysteryForCausalLM"]""",
        "'architectures' in the configuration of '{1}' is '[\"MysteryForCausalLM\"]', which cannot be exported; "
        + "expected one "
        + "of 'ArceeForCausalLM', ")]
    [InlineData(
        "vocab_size", "300",
        "Tensor 'model.embed_tokens.weight' of '{1}' has the shape [256, 64]; its configuration calls for [300, 64]. "
        + "Correct whichever "
        + "is wrong.")]
    [InlineData(
        "num_hidden_layers", "4",
        "The checkpoint '{1}' lacks the tensor 'model.layers.3.input_layernorm.weight' of shape [64], which its "
        + "configuration calls "
        + "for. It holds 30 tensors, such as 'lm_head.weight'. Put a 'config.json' of the model that these weights "
        + "belong to beside "
        + "them, or the weight file that holds 'model.layers.3.input_layernorm.weight'.")]
    [InlineData(
        "hidden_size", "1000000000000",
        "'hidden_size' in the configuration of '{1}' is '1000000000000'; expected a whole number from 1 to 268435456.")]
    [InlineData(
        "intermediate_size", "268435456",
        "Tensor 'model.layers.0.mlp.gate_proj.weight' of '{1}' has the shape [96, 64]; its configuration calls for "
        + "[268435456, 64]. "
        + "Correct whichever is wrong.")]
    public async Task Export_ConfigurationThatDoesNotFit_NamesTensorOrKey(string key, string value, string expected)
    {
        string source = SmallPackage.WriteCheckpoint(_folder), path = Path.Combine(source, "config.json");
        var config = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
        config[key] = JsonNode.Parse(value);
        File.WriteAllText(path, config.ToJsonString());
        await AssertRefusedAsync(source, expected);
    }

    [Fact]
    public async Task Export_TensorsOfNoPlace_AreToldOrRefusedWhereStrict()
    {
        var source = SharedAssets.Path("reported", "unneeded-tensors", "model");
        var told = await Tool.RunAsync("export", source, "-o", _folder["out"]);
        Assert.Equal(0, told.Code);
        Assert.EndsWith(
            "left out, as the package does without them: 'v_head.summary.bias', 'v_head.summary.weight'\n",
            told.Output, StringComparison.Ordinal);

        var json = await Tool.RunAsync("export", source, "-o", _folder["json"], "--json");
        Assert.Equal(
            ["v_head.summary.bias", "v_head.summary.weight"],
            json.Json["unused_tensors"]!.AsArray().Select(name => (string?)name));

        var strict = await Tool.RunAsync("export", source, "-o", _folder["strict"], "--strict");
        Assert.Equal(1, strict.Code);
        Assert.Equal(
            $"slipway: The checkpoint '{source}' holds 2 tensors that 'LlamaForCausalLM' has no place for: "
            + "'v_head.summary.bias', 'v_head.summary.weight'. Where they belong to the model, its configuration names "
            + "another architecture or other sizes; where the model is to go without them, export it without Strict "
            + "('--strict').\n", strict.Error);
        Assert.False(Directory.Exists(_folder["strict"]));
    }

    [Fact]
    public async Task Export_FewerLayersThanStored_TellsTheOthers()
    {
        string source = SmallPackage.WriteCheckpoint(_folder), path = Path.Combine(source, "config.json");
        var config = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
        config["num_hidden_layers"] = 1;
        File.WriteAllText(path, config.ToJsonString());
        var told = await Tool.RunAsync("export", source, "-o", _folder["out"]);
        Assert.Equal(0, told.Code);
        Assert.Contains("'model.layers.1.input_layernorm.weight'", told.Output, StringComparison.Ordinal);
        Assert.Equal(1, (await Tool.RunAsync("export", source, "-o", _folder["strict"], "--strict")).Code);
    }

    [Fact]
    public async Task Export_LimitBeyondTheModel_NamesBoth()
    {
        var source = SmallPackage.WriteCheckpoint(_folder);
        var run = await Tool.RunAsync("export", source, "-o", _folder["out"], "--context", "100000000");
        Assert.Equal(
            (1, "slipway: The context length 100000000 is not between 1 and the 128 positions "
                + $"that '{source}' was made for."),
            (run.Code, run.Error.TrimEnd()));
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Theory]
    [InlineData("generation_config.json")]
    [InlineData("tokenizer.json")]
    [InlineData("config.json")]
    public async Task Export_MutatedJson_ExportsOrSaysWhatIsWrong(string file)
    {
        string source = SmallPackage.WriteCheckpoint(_folder), path = Path.Combine(source, file);
        var original = File.ReadAllBytes(path);
        var entries = Directory.GetFileSystemEntries(_folder.Path);
        var random = new Random(17);
        var refused = 0;
        for (var i = 0; i < 60; i++)
        {
            byte[] bytes = [.. original];
            for (var n = random.Next(1, 5); n > 0; n--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(path, bytes);
            var run = await Tool.RunAsync("export", source, "-o", _folder["out"]);
            if (run.Code == 0)
            {
                Directory.Delete(_folder["out"], recursive: true);
                continue;
            }

            refused++;
            Assert.Equal(1, run.Code);
            Assert.StartsWith("slipway: ", run.Error, StringComparison.Ordinal);
            Assert.Contains(source, run.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
            Assert.Equal(entries, Directory.GetFileSystemEntries(_folder.Path));
        }

        Assert.InRange(refused, 1, 60);
    }

    private string CopyDat()
    {
        var source = SharedAssets.Path("torchsharp", "llama-f32");
        Directory.CreateDirectory(_folder["dat"]);
        foreach (var file in new[] { "config.json", "model.dat" })
        {
            File.WriteAllBytes(Path.Combine(_folder["dat"], file), File.ReadAllBytes(Path.Combine(source, file)));
        }

        return Path.Combine(_folder["dat"], "model.dat");
    }

    // '{1}' in what is expected stands for the source.
    private async Task AssertRefusedAsync(string source, string expected)
    {
        var entries = Directory.GetFileSystemEntries(_folder.Path);
        var run = await Tool.RunAsync("export", source, "-o", _folder["out"]);
        var message = $"slipway: {expected.Replace("{1}", source, StringComparison.Ordinal)}";
        Assert.Equal(1, run.Code);
        var actual = run.Error.TrimEnd();
        Assert.Equal(message, expected.EndsWith('.') ? actual : actual[..Math.Min(message.Length, actual.Length)]);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Empty(run.Output);
        Assert.Equal(entries, Directory.GetFileSystemEntries(_folder.Path));
    }
}
