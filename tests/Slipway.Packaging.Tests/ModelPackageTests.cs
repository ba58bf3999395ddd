using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Packaging.Tests;

public sealed class ModelPackageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_WrittenPackage_RoundTrips()
    {
        var package = ModelPackage.Open(PackageSample.Write(_folder), PackageVerification.Full);

        Assert.Equal("package", package.Name);
        Assert.Equal([2, 3], package.Config.Model.EosTokenId);
        Assert.Equal(128, package.Config.Search.MaxLength);
        Assert.Equal(2, package.Config.Model.Decoder.NumKeyValueHeads);
        Assert.Equal("int4", package.Manifest?.Precision);
        Assert.Equal(
            ["genai_config.json", "model.onnx", "model.onnx.data"], package.Manifest?.Files.Select(f => f.Name));
        Assert.Equal(Path.Combine(package.Path, "model.onnx"), package.ModelPath);
        Assert.Null(package.FindFile("tokenizer.json"));
        Assert.Null(package.FindFile("../package/model.onnx"));
    }

    [Theory]
    [InlineData("llama-int4", "llama")]
    [InlineData("granite-int4", "granite")]
    [InlineData("qwen3-fp32", "qwen3")]
    public void Open_PackageMadeElsewhere_ReadsItsConfig(string name, string type)
    {
        var package = ModelPackage.Open(SharedAssets.Path("genai-packages", name));

        Assert.Equal(type, package.Config.Model.Type);
        Assert.Equal([2], package.Config.Model.EosTokenId);
        Assert.Equal("past_key_values.%d.key", package.Config.Model.Decoder.Inputs["past_key_names"]);
        Assert.Null(package.Manifest);
        Assert.NotNull(package.FindFile("tokenizer.json"));
    }

    [Theory]
    [InlineData("""{"window_size":512,"slide_key_value_cache":false,"layers":[0,2],"cache_slack":16}""", 16, 2, false)]
    [InlineData("""{"window_size":512}""", 0, null, null)]
    public void Open_PackageWithWindows_ReadsThem(string json, int slack, int? layers, bool? slides)
    {
        var path = Path.Combine(PackageSample.Write(_folder), ModelPackage.ConfigFile);
        File.Delete(Path.Combine(_folder["package"], ModelPackage.ManifestFile));
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        config["model"]!["decoder"]!["sliding_window"] = JsonNode.Parse(json);
        File.WriteAllText(path, config.ToJsonString());
        var window = ModelPackage.Open(_folder["package"]).Config.Model.Decoder.SlidingWindow!;
        Assert.Equal((512, slack, layers), (window.WindowSize, window.CacheSlack, window.Layers?.Count));
        Assert.Equal((slides, null), (window.SlideKeyValueCache, window.SlideInputs));
    }

    [Fact]
    public void Open_NoSuchFolder_SaysSo()
        => AssertRefused(
            _folder["missing"],
            $"The package folder '{_folder["missing"]}' does not exist. Give the folder that 'slipway export' wrote.");

    [Fact]
    public void Open_FolderWithoutConfig_SaysHowToMakeOne()
        => AssertRefused(
            _folder.Path,
            $"The folder '{_folder.Path}' holds no 'genai_config.json', so it is not a package. Export a checkpoint "
            + "with 'slipway export', or give the folder of a package that ONNX Runtime GenAI reads or Optimum wrote.");

    [Fact]
    public void Open_MissingGraph_NamesIt()
    {
        var path = PackageSample.Write(_folder);
        File.Delete(Path.Combine(path, "model.onnx"));
        AssertRefused(
            path,
            $"The package '{path}' has no file 'model.onnx', as 'genai_config.json' says. "
            + "Copy or export the package again.");
    }

    [Fact]
    public void Open_MissingData_NamesIt()
    {
        var path = PackageSample.Write(_folder);
        File.Delete(Path.Combine(path, "model.onnx.data"));
        AssertRefused(
            path,
            $"The package '{path}' has no file 'model.onnx.data', which 'slipway.json' lists. "
            + "Copy or export the package again.");
    }

    [Fact]
    public void Open_TruncatedData_NamesBothSizes()
    {
        var path = PackageSample.Write(_folder);
        var data = Path.Combine(path, "model.onnx.data");
        File.WriteAllBytes(data, new byte[99]);
        AssertRefused(
            path,
            $"The file '{data}' has 99 bytes; 'slipway.json' says 100. It is incomplete or altered: copy or export "
            + "the package again.");
    }

    [Fact]
    public void Open_AlteredByte_NamesTheFile()
    {
        var path = PackageSample.Write(_folder);
        var data = Path.Combine(path, "model.onnx.data");
        var bytes = new byte[100];
        bytes[50] = 1;
        File.WriteAllBytes(data, bytes);
        AssertRefused(
            path,
            $"The file '{data}' does not have the SHA-256 that 'slipway.json' states. It is altered: copy or export "
            + "the package again.");
        Assert.NotNull(ModelPackage.Open(path, PackageVerification.Sizes));
    }

    [Theory]
    [InlineData("model.vocab_size", "0", "'model.vocab_size' in '{0}' is '0'; expected a number from 1 to 268435456.")]
    [InlineData("model.eos_token_id", "-1",
        "'model.eos_token_id' in '{0}' is '-1'; expected a token id from 0 to 255.")]
    [InlineData("model.decoder.filename", "\"../x\"", "names the file '../x', which lies outside the package folder.")]
    [InlineData(
        "model.decoder.sliding_window", "{\"window_size\":0}",
        "'model.decoder.sliding_window.window_size' in '{0}' is '0'; expected a number from 1 to 268435456.")]
    [InlineData("model.decoder.inputs", "{}", "'model.decoder.inputs.input_ids' in '{0}' is 'nothing'")]
    [InlineData("model.decoder", "null", "'model.decoder or search' in '{0}' is 'null'; expected an object.")]
    [InlineData("model.decoder.filename", "null", "'model.decoder.filename' in '{0}' is 'null'; expected a text.")]
    [InlineData("model.decoder.filename", "\" \"", "'model.decoder.filename' in '{0}' is ' '; expected a text.")]
    [InlineData("model.type", "null", "'model.type' in '{0}' is 'null'; expected a text.")]
    [InlineData(
        "model.decoder.inputs.attention_mask", "null",
        "'model.decoder.inputs.attention_mask' in '{0}' is 'null'; expected the tensor's name in the graph.")]
    [InlineData("model.decoder.outputs", "null", "'model.decoder.outputs.logits' in '{0}' is 'nothing'")]
    [InlineData("model.decoder.num_hidden_layers", "null", "is not valid")]
    [InlineData("model.eos_token_id", "[null]", "is not valid")]
    [InlineData("model.vocab_size", "\"many\"", "is not valid")]
    [InlineData("search", "null", "'model.decoder or search' in '{0}' is 'null'; expected an object.")]
    public void Open_InvalidConfig_NamesKeyAndValue(string key, string value, string expected)
    {
        var path = PackageSample.Write(_folder);
        var config = Path.Combine(path, "genai_config.json");
        File.Delete(Path.Combine(path, "slipway.json"));
        var root = JsonNode.Parse(File.ReadAllText(config))!;
        var parts = key.Split('.');
        var parent = parts[..^1].Aggregate(root, (node, part) => node[part]!);
        parent[parts[^1]] = JsonNode.Parse(value);
        File.WriteAllText(config, root.ToJsonString());

        var error = Assert.Throws<PackageException>(() => ModelPackage.Open(path));
        Assert.Contains(
            expected.Replace("{0}", config, StringComparison.Ordinal), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_FilenameNull_IsThePackagesOwnError()
    {
        var path = PackageSample.Write(_folder);
        File.Delete(Path.Combine(path, "slipway.json"));
        File.Copy(
            SharedAssets.Path("hostile", "genai-filename-null.json"), Path.Combine(path, "genai_config.json"),
            overwrite: true);
        AssertRefused(
            path,
            $"'model.decoder.filename' in '{Path.Combine(path, "genai_config.json")}' is 'null'; expected a text. Mend "
            + "the file or export again.");
    }

    [Theory]
    [InlineData("genai_config.json", "{\"model\":{},\"model\":{}}", "Duplicate property 'model'")]
    [InlineData("genai_config.json", "{\"model\":", "is not valid")]
    [InlineData("slipway.json", "{\"files\":[],\"files\":[]}", "Duplicate property 'files'")]
    [InlineData("slipway.json", "{\"format\":1,\"files\":[null]}", "lists a file without name or sha256")]
    [InlineData("slipway.json", "null", "holds 'null'; a JSON object was expected")]
    public void Open_BadJson_NamesTheFile(string file, string json, string expected)
    {
        var path = PackageSample.Write(_folder);
        File.WriteAllText(Path.Combine(path, file), json);
        var error = Assert.Throws<PackageException>(() => ModelPackage.Open(path));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal(Path.Combine(path, file), error.Path);
    }

    [Theory]
    [InlineData("config.json", "{\"vocab_size\":1,\"vocab_size\":2}", "Duplicate property 'vocab_size'")]
    [InlineData("config.json", "{\"a\":{\"b\":1,\"b\":2}}", "Duplicate property 'b'")]
    [InlineData("config.json", "{\"vocab_size\":", "is not valid")]
    [InlineData("config.json", "[]", "is not valid")]
    [InlineData("config.json", "null", "holds 'null'; a JSON object was expected")]
    [InlineData("generation_config.json", "{\"eos_token_id\":1,\"eos_token_id\":2}",
        "Duplicate property 'eos_token_id'")]
    [InlineData("generation_config.json", "{\"top_k\":", "is not valid")]
    [InlineData("generation_config.json", "[1]", "is not valid")]
    [InlineData("generation_config.json", "{\"eos_token_id\":[\"x\"]}", "expected a token id or a list of them")]
    public void Open_BadJsonInAFolderOfOptimum_NamesTheFile(string file, string json, string expected)
    {
        Directory.CreateDirectory(_folder["package"]);
        File.WriteAllBytes(Path.Combine(_folder["package"], "model.onnx"), [1]);
        File.WriteAllText(
            Path.Combine(_folder["package"], "config.json"),
            """
            {"model_type":"llama","vocab_size":8,"max_position_embeddings":16,"num_attention_heads":2,"hidden_size":8,
            "num_hidden_layers":1}
            """);
        Assert.Equal("llama", ModelPackage.Open(_folder["package"]).Config.Model.Type);

        File.WriteAllText(Path.Combine(_folder["package"], file), json);
        var error = Assert.Throws<PackageException>(() => ModelPackage.Open(_folder["package"]));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(_folder["package"], error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("genai_config.json")]
    [InlineData("slipway.json")]
    public void Open_MutatedJson_OpensOrRefuses(string file)
    {
        var path = Path.Combine(PackageSample.Write(_folder), file);
        var original = File.ReadAllBytes(path);
        var random = new Random(11);
        var refused = 0;
        for (var i = 0; i < 400; i++)
        {
            var bytes = original.ToArray();
            for (var n = random.Next(1, 4); n > 0; n--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(path, random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
            try
            {
                ModelPackage.Open(Path.GetDirectoryName(path)!);
            }
            catch (PackageException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 100, 400);
    }

    private static void AssertRefused(string path, string message)
        => Assert.Equal(message, Assert.Throws<PackageException>(() => ModelPackage.Open(path)).Message);
}
