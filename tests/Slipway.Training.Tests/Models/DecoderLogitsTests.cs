using Slipway.Checkpoints;
using Slipway.Testing;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

public sealed class DecoderLogitsTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("gemma2")]
    [InlineData("gemma3")]
    [InlineData("gpt2")]
    [InlineData("llama")]
    [InlineData("llama-head20")]
    [InlineData("llama-mha")]
    [InlineData("llama-tied-bias")]
    [InlineData("llama3-rope")]
    [InlineData("mistral-window")]
    [InlineData("mixtral")]
    [InlineData("phi3")]
    [InlineData("phi3-longrope")]
    [InlineData("qwen2")]
    [InlineData("qwen2-yarn")]
    [InlineData("qwen3")]
    [InlineData("qwen3-moe")]
    [InlineData("smollm3")]
    public void Logits_OfALoadedCheckpoint_EqualTheReference(string name)
    {
        using var model = Reference.Load(name);
        var max = Difference(model, name);
        output.WriteLine($"{name}: largest difference of a logit {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }

    [Fact]
    public void Logits_OfASavedAndLoadedDatFile_EqualTheReference()
    {
        using var folder = new TemporaryFolder();
        using var first = Reference.Load("gemma3");
        TorchSharpWriter.Write(folder["model.dat"], first, float32);
        File.WriteAllText(folder["config.json"], first.Config.ToJson().ToJsonString());
        using var stored = Checkpoint.Open(folder["model.dat"]);
        using var model = new CausalLanguageModel(ModelConfig.Parse(stored.Config, stored.Path));
        CheckpointWeights.Load(model, stored);
        Assert.InRange(Difference(model, "gemma3"), 0, 1e-4);
    }

    // Every weight must reach the loss: a gradient that misses one would train only the others.
    [Theory]
    [InlineData("gemma3")]
    [InlineData("gpt2")]
    [InlineData("phi3")]
    [InlineData("qwen3-moe")]
    public void Gradients_OfTheLoss_ReachEveryWeight(string name)
    {
        using var model = Reference.Load(name);
        using var ids = (arange(2 * 40) * 37 % 250).view(2, 40);
        using var loss = Reference.TokenLoss(model, ids);
        loss.backward();
        Assert.All(model.named_parameters(), one =>
        {
            Assert.True(one.parameter.grad is not null, one.name);
            Assert.True(one.parameter.grad!.abs().max().item<float>() > 0, one.name);
        });
    }

    [Theory]
    [InlineData("gemma3")]
    [InlineData("gpt2")]
    [InlineData("llama")]
    [InlineData("mixtral")]
    [InlineData("phi3-longrope")]
    public void Loss_InBFloat16_IsNearFloat32sAndHasGradients(string name)
    {
        using var model = Reference.Load(name);
        using var ids = (arange(2 * 40) * 37 % 250).view(2, 40);
        using var exact = Reference.TokenLoss(model, ids);
        model.ComputeType = bfloat16;
        using var loss = Reference.TokenLoss(model, ids);
        loss.backward();
        Assert.Equal(exact.item<float>(), loss.item<float>(), 0.02);
        Assert.All(model.named_parameters(), one =>
        {
            Assert.Equal(float32, one.parameter.grad!.dtype);
            Assert.True(one.parameter.grad!.isfinite().all().item<bool>(), one.name);
        });
    }

    /// <summary>The largest difference of a logit to the reference of a tiny model.</summary>
    internal static double Difference(CausalLanguageModel model, string name)
    {
        using var expected = Checkpoint.Open(SharedAssets.Path("tiny", name, "expected.safetensors"));
        var max = 0.0;
        using var untracked = no_grad();
        foreach (var length in new[] { 7, 24, 48 })
        {
            using var scope = NewDisposeScope();
            var (ids, logits) = (new float[length], new float[length * model.Config.VocabSize]);
            expected.ReadFloats($"input_ids_{length}", 0, ids);
            expected.ReadFloats($"logits_{length}", 0, logits);
            var result = model.forward(tensor(ids).to(int64).view(1, length)).view(-1);
            max = Math.Max(max, (result - tensor(logits)).abs().max().item<float>());
        }

        return max;
    }
}
