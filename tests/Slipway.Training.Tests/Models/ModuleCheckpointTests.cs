using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

public sealed class ModuleCheckpointTests
{
    private static readonly ModelConfig Config = ModelConfig.Parse(JsonNode.Parse("""
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 64, "hidden_size": 32,
         "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
         "head_dim": 16, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "rope_theta": 10000,
         "hidden_act": "silu", "tie_word_embeddings": false, "eos_token_id": 1, "torch_dtype": "float32"}
        """)!.AsObject(), "test");

    [Fact]
    public void Tensors_OfALiveModel_EqualThoseOfItsFile()
    {
        using var folder = new TemporaryFolder();
        using var model = new CausalLanguageModel(Config, seed: 5);
        TorchSharpWriter.Write(folder["model.dat"], model, float32);
        using var stored = Checkpoint.Open(folder["model.dat"]);
        using var live = new ModuleCheckpoint(model);
        Assert.Contains("lm_head.weight", live.Tensors.Keys);
        AssertSame(stored, live);
    }

    [Theory]
    [InlineData(ScalarType.Float32, TensorType.F32)]
    [InlineData(ScalarType.Float16, TensorType.F16)]
    [InlineData(ScalarType.BFloat16, TensorType.BF16)]
    public void Tensors_OfEachNumberType_EqualThoseOfTheFile(ScalarType type, TensorType expected)
    {
        using var folder = new TemporaryFolder();
        using var module = new One((arange(35, dtype: float32) / 7 - 2).view(5, 7).to(type));
        TorchSharpWriter.Write(folder["model.dat"], module, type);
        using var stored = Checkpoint.Open(folder["model.dat"]);
        using var live = new ModuleCheckpoint(module, []);
        Assert.Equal(expected, live.Tensors["weight"].Type);
        AssertSame(stored, live);
    }

    [Fact]
    public void ReadFloats_OfADoubleParameter_RoundsToFloat()
    {
        using var module = new One(tensor(new[] { 0.1, -2.5, 1e-3 }));
        using var live = new ModuleCheckpoint(module, []);
        Assert.Equal(TensorType.F64, live.Tensors["weight"].Type);
        Assert.Equal([0.1f, -2.5f, 1e-3f], Floats(live, "weight"));
    }

    [Theory]
    [InlineData("fp32", Precision.Float32)]
    [InlineData("int4", Precision.Int4)]
    public void Export_OfALiveModule_WritesTheWeightsThatItsFileGives(string name, Precision precision)
    {
        using var folder = new TemporaryFolder();
        using var model = new CausalLanguageModel(Config, seed: 5);
        TorchSharpWriter.Write(folder["model.dat"], model, float32);
        File.WriteAllText(folder["config.json"], Config.ToJson().ToJsonString());
        using var stored = Checkpoint.Open(folder["model.dat"]);
        using var live = new ModuleCheckpoint(
            model, new Dictionary<string, byte[]> { ["tokenizer.json"] = "{}"u8.ToArray() });
        var options = new ExportOptions { Precision = precision };
        Exporter.Export(stored, folder[$"{name}-stored"], options);
        Exporter.Export(live, folder[$"{name}-live"], options);
        foreach (var file in new[] { "model.onnx", "model.onnx.data" })
        {
            Assert.Equal(
                File.ReadAllBytes(Path.Combine(folder[$"{name}-stored"], file)),
                File.ReadAllBytes(Path.Combine(folder[$"{name}-live"], file)));
        }

        Assert.Equal("{}", File.ReadAllText(Path.Combine(folder[$"{name}-live"], "tokenizer.json")));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(3, 7)]
    [InlineData(5, 120)]
    [InlineData(127, 1)]
    public void ReadBytes_InsideElements_ReadsTheSameRange(int start, int count)
    {
        using var model = new CausalLanguageModel(Config, seed: 5);
        using var live = new ModuleCheckpoint(model);
        var whole = Bytes(live, "model.norm.weight", 0, 128);
        Assert.Equal(whole.Skip(start).Take(count), Bytes(live, "model.norm.weight", start, count));
    }

    [Fact]
    public void ReadFloats_OfATensorBeyondOnePiece_ReadsAllOfIt()
    {
        // 20 MB: more than one piece, and no whole number of them.
        using var module = new One(arange(5_000_001, dtype: float32));
        using var live = new ModuleCheckpoint(module, []);
        var values = new float[5_000_000];
        live.ReadFloats("weight", 1, values);
        Assert.Equal(Enumerable.Range(1, 5_000_000).Select(value => (float)value), values);
    }

    [Fact]
    public void ReadFloats_OfATransposedParameter_FollowsItsShape()
    {
        using var module = new One(arange(6, dtype: float32).view(2, 3).t());
        using var live = new ModuleCheckpoint(module, []);
        Assert.Equal([3, 2], live.Tensors["weight"].Shape);
        Assert.Equal([0, 3, 1, 4, 2, 5], Floats(live, "weight"));
    }

    [Fact]
    public void ReadFloats_AfterTheModuleChanged_ReadsTheNewValues()
    {
        using var model = new CausalLanguageModel(Config, seed: 5);
        using var live = new ModuleCheckpoint(model);
        Assert.All(Floats(live, "model.norm.weight"), value => Assert.Equal(1, value));
        using (no_grad())
        {
            model.get_parameter("model.norm.weight")!.fill_(0.5);
        }

        Assert.All(Floats(live, "model.norm.weight"), value => Assert.Equal(0.5f, value));
    }

    [Fact]
    public void Dispose_OfTheCheckpoint_LeavesTheModuleUsable()
    {
        using var model = new CausalLanguageModel(Config, seed: 5);
        new ModuleCheckpoint(model).Dispose();
        using var logits = model.forward(tensor(new long[] { 3, 7 }).view(1, 2));
        Assert.Equal([1, 2, 64], logits.shape);
    }

    [Fact]
    public void Config_ChangedByTheCaller_StaysAsItWas()
    {
        using var module = new One(zeros(2));
        var config = new JsonObject { ["hidden_size"] = 2 };
        using var live = new ModuleCheckpoint(module, config);
        config["hidden_size"] = 3;
        Assert.Equal(2, (int)live.Config["hidden_size"]!);
        Assert.Null(live.ReadFile("tokenizer.json"));
    }

    [Fact]
    public void Constructor_WithAParameterOfWholeNumbers_NamesIt()
    {
        using var module = new One(zeros(2, dtype: int64));
        var error = Assert.Throws<NotSupportedException>(() => new ModuleCheckpoint(module, []));
        Assert.Equal(
            "Parameter 'weight' of module 'One' is of type 'Int64'; expected Float64, Float32, Float16 or "
            + "BFloat16. Convert it, or register it as a buffer.", error.Message);
    }

    [Fact]
    public void ReadFloats_BeyondTheTensor_IsRefused()
    {
        using var module = new One(zeros(2));
        using var live = new ModuleCheckpoint(module, []);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => live.ReadFloats("weight", 1, new float[2]));
        Assert.StartsWith(
            "Tensor 'weight' of 'One' has 2 elements; 2 from 1 on leave it.", error.Message, StringComparison.Ordinal);
    }

    private static void AssertSame(Checkpoint stored, Checkpoint live)
    {
        Assert.Equal(
            stored.Tensors.Keys.Order(StringComparer.Ordinal), live.Tensors.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, info) in stored.Tensors)
        {
            Assert.Equal(info.Type, live.Tensors[name].Type);
            Assert.Equal(info.Shape, live.Tensors[name].Shape);
            Assert.Equal(Bytes(stored, name, 0, info.ByteLength), Bytes(live, name, 0, info.ByteLength));
            Assert.Equal(Floats(stored, name), Floats(live, name));
        }
    }

    private static byte[] Bytes(Checkpoint checkpoint, string name, long start, long count)
    {
        var bytes = new byte[count];
        checkpoint.ReadBytes(name, start, bytes);
        return bytes;
    }

    private static float[] Floats(Checkpoint checkpoint, string name)
    {
        var values = new float[checkpoint.Tensors[name].Count];
        checkpoint.ReadFloats(name, 0, values);
        return values;
    }

    private sealed class One : nn.Module
    {
        public One(Tensor weight)
            : base(nameof(One)) => register_parameter(
                "weight", new TorchSharp.Modules.Parameter(weight, requires_grad: weight.is_floating_point()));
    }
}
