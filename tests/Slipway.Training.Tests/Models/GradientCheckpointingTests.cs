using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Training.Adapters;
using Slipway.Training.Models.Encoders;
using Slipway.Training.Modules;
using Slipway.Training.Recipes;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

public sealed class GradientCheckpointingTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("llama", ScalarType.Float32)]
    [InlineData("llama", ScalarType.BFloat16)]
    [InlineData("gemma3", ScalarType.Float32)]
    [InlineData("gpt2", ScalarType.Float32)]
    [InlineData("phi3", ScalarType.BFloat16)]
    [InlineData("qwen3-moe", ScalarType.Float32)]
    public void Gradients_OfLayersComputedAgain_AreTheSameBits(string name, ScalarType type)
    {
        using var model = Reference.Load(name);
        model.ComputeType = type;
        AssertSame(model);
    }

    [Theory]
    [InlineData(AdapterKind.Lora, false)]
    [InlineData(AdapterKind.Lora, true)]
    [InlineData(AdapterKind.Ia3, false)]
    [InlineData(AdapterKind.Bottleneck, false)]
    [InlineData(AdapterKind.PrefixTuning, false)]
    [InlineData(AdapterKind.PromptTuning, false)]
    public void Gradients_OfAnAdapter_AreTheSameBits(AdapterKind kind, bool frozen)
    {
        using var model = Reference.Load("llama");
        if (frozen)
        {
            model.Freeze(FrozenType.Nf4);
        }

        using var adapter = ModelAdapter.Attach(model, new()
        {
            Kind = kind, Rank = 4, VirtualTokens = 3, Dropout = kind == AdapterKind.Lora ? 0.3 : 0,
            TargetModules = ["q_proj", "v_proj", "down_proj"], FeedForwardModules = ["down_proj"],
        }, seed: 3);
        using (no_grad())
        {
            foreach (var (_, weight) in adapter.Parameters)
            {
                weight.add_(0.05);
            }
        }

        AssertSame(model);
    }

    [Theory]
    [InlineData("bert-mlm")]
    [InlineData("modernbert-classifier")]
    public void Gradients_OfAnEncoder_AreTheSameBits(string name)
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", name));
        using var model = EncoderModel.Load(start);
        var (plain, again) = (Run(false), Run(true));
        Assert.Equal(plain.Loss, again.Loss);
        Assert.All(plain.Gradients.Zip(again.Gradients), pair => Assert.Equal(pair.First, pair.Second));

        (float Loss, float[][] Gradients) Run(bool checkpoints)
        {
            using var scope = NewDisposeScope();
            model.GradientCheckpointing = checkpoints;
            using var layout = new SequenceLayout([9, 31]);
            model.zero_grad();
            var loss = model.forward(arange(40) * 37 % 250, layout).square().mean();
            loss.backward();
            return (loss.item<float>(), [.. model.parameters().Select(weight => weight.grad!.data<float>().ToArray())]);
        }
    }

    // Needs the process for itself: what is measured is its memory.
    [Fact(Explicit = true)]
    public void Memory_OfLayersComputedAgain_IsFarLess()
    {
        Held(false);   // what is loaded with the first step counts for neither
        var (again, plain) = (Held(true), Held(false));
        output.WriteLine($"held for the gradients: {plain >> 20} MiB, {again >> 20} MiB with checkpointing");
        Assert.True(again < plain / 2, $"{again} and {plain}");

        static long Held(bool checkpoints)
        {
            using var model = new CausalLanguageModel(ModelConfig.Parse(JsonNode.Parse("""
                {"architectures": ["LlamaForCausalLM"], "vocab_size": 256, "hidden_size": 256,
                 "intermediate_size": 1024, "num_hidden_layers": 12, "num_attention_heads": 4,
                 "num_key_value_heads": 2, "max_position_embeddings": 2048, "tie_word_embeddings": true}
                """)!.AsObject(), "test"));
            model.GradientCheckpointing = checkpoints;
            using var ids = (arange(2 * 1025) % 250).view(2, 1025);
            using var scope = NewDisposeScope();
            var before = Resident();
            using var loss = Reference.TokenLoss(model, ids);
            var held = Resident() - before;
            loss.backward();
            return held;
        }
    }

    private static void AssertSame(CausalLanguageModel model)
    {
        var (plain, again) = (Run(model, false), Run(model, true));
        Assert.Equal(plain.Loss, again.Loss);
        Assert.Contains(plain.Gradients, gradient => gradient is not null && gradient.Any(value => value != 0));
        Assert.All(plain.Gradients.Zip(again.Gradients), pair => Assert.Equal(pair.First, pair.Second));
    }

    private static (float Loss, float[]?[] Gradients) Run(CausalLanguageModel model, bool checkpoints)
    {
        model.GradientCheckpointing = checkpoints;
        using var dropout = RandomDropout.Begin(7);
        using var scope = NewDisposeScope();
        foreach (var (_, weight) in model.TrainableParameters)
        {
            weight.grad = null;
        }

        var ids = (arange(2 * 40) * 37 % 250).view(2, 40);
        var loss = model.Adapter is { } ? AdaptedLoss.Of(model, ids) : Reference.TokenLoss(model, ids);
        loss.backward();
        return (loss.item<float>(), [.. model.TrainableParameters.Select(
            one => one.Weight.grad?.data<float>().ToArray())]);
    }

    private static long Resident() => long.Parse(
        File.ReadAllText("/proc/self/statm").Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)
        * Environment.SystemPageSize;
}
