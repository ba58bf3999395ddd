using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Training.Models;
using Slipway.Training.Optimization;
using Slipway.Training.Recipes;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

public sealed class FrozenWeightTests
{
    [Fact]
    public void Quantize_ToNf4_GivesTheBytesOfBitsAndBytes()
    {
        using var expected = Checkpoint.Open(SharedAssets.Path("bnb4", "expected.safetensors"));
        using var weight = Floats(expected, "weight").view(24, 128);
        using var frozen = FrozenWeight.Quantize(weight, FrozenTables.Of(FrozenType.Nf4));
        var packed = new byte[1536];
        expected.ReadBytes("nf4.64.packed", 0, packed);
        Assert.Equal(packed, frozen.Codes.data<byte>().ToArray());
        using var scales = Floats(expected, "nf4.64.absmax");
        using var values = Floats(expected, "nf4.64.dequantized");
        using var own = frozen.Dequantize();
        Assert.True(scales.equal(frozen.Scales).all().item<bool>());
        Assert.InRange((values - own.view(-1)).abs().max().item<float>(), 0, 1e-7f);
    }

    [Fact]
    public void Quantize_ToInt4_RoundsToSevenths()
    {
        using var weight = tensor(new[] { 7f, -7, 3.4f, 3.6f, 0, -0.4f, 1, 2, 5 }).view(3, 3);
        using var frozen = FrozenWeight.Quantize(weight, FrozenTables.Of(FrozenType.Int4));
        using var values = frozen.Dequantize();
        Assert.Equal([7f, -7, 3, 4, 0, 0, 1, 2, 5], values.data<float>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-5);
    }

    // QLoRA has no reference: it is LoRA over the values that the codes stand for.
    [Theory]
    [InlineData(FrozenType.Nf4)]
    [InlineData(FrozenType.Int4)]
    public void Losses_OfLoraOverCodes_EqualThoseOverTheirValues(FrozenType type)
    {
        using var frozen = Reference.Load("llama");
        using var plain = Reference.Load("llama");
        using (no_grad())
        {
            foreach (var (_, projection) in ModelAdapter.Projections(plain).Where(one => one.Path != "lm_head"))
            {
                using var codes = FrozenWeight.Quantize(projection.weight, FrozenTables.Of(type));
                projection.weight.copy_(codes.Dequantize());
            }
        }

        frozen.Freeze(type);
        Assert.All(
            ModelAdapter.Projections(frozen).Where(one => one.Path != "lm_head"),
            one => Assert.Equal(0, one.Projection.weight.numel()));
        Assert.Equal(Losses(plain), Losses(frozen), (a, b) => Math.Abs(a - b) < 1e-5);
    }

    private static double[] Losses(CausalLanguageModel model)
    {
        using var adapter = ModelAdapter.Attach(
            model, new() { Rank = 4, UseDora = true, TargetModules = ["q_proj", "gate_proj", "down_proj"] }, seed: 1);
        using var optimizer = new AdamW(adapter.Parameters);
        using var ids = (arange(3 * 17) * 37 % 250).view(3, 17);
        return [.. Enumerable.Range(0, 5).Select(_ =>
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGradients();
            var loss = AdaptedLoss.Of(model, ids);
            loss.backward();
            optimizer.Step(0.01, 0);
            return (double)loss.item<float>();
        })];
    }

    private static Tensor Floats(Checkpoint checkpoint, string name)
    {
        var values = new float[checkpoint.Tensors[name].Count];
        checkpoint.ReadFloats(name, 0, values);
        return tensor(values);
    }
}
