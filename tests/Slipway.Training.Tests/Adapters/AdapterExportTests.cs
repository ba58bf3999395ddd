using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;
using Slipway.Training.Graphs;
using Slipway.Training.Models;
using Slipway.Training.Optimization;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

public sealed class AdapterExportTests
{
    [Theory]
    [InlineData("llama", false, "q_proj", "down_proj")]
    [InlineData("qwen3", true, "k_proj", "gate_proj")]
    [InlineData("gpt2", false, "c_attn", "c_fc")]
    public void Package_OfATrainedAdapter_GivesTheModulesLogits(string name, bool dora, params string[] targets)
    {
        using var folder = new TemporaryFolder();
        using var model = Reference.Load(name);
        using var ids = (arange(24) * 37 % 250).view(1, 24);
        using var adapter = ModelAdapter.Attach(
            model, new() { Rank = 4, UseDora = dora, TargetModules = targets }, seed: 3);
        using var own = Logits(model, ids);
        Train(adapter, model, ids);
        adapter.Save(folder["adapter"]);
        using var expected = Logits(model, ids);
        Assert.True((own - expected).abs().max().item<float>() > 0.05);

        using var merged = LoraAdapter.Open(folder["adapter"])
            .MergeInto(Checkpoint.Open(SharedAssets.Path("tiny", name)));
        AssertExports(merged, folder["package"], ids, expected);
        adapter.Merge();
        using var live = new ModuleCheckpoint(model);
        AssertExports(live, folder["live"], ids, expected);
    }

    [Fact]
    public void ModuleCheckpoint_OfAModelWithAnAdapter_IsRefused()
    {
        using var model = Reference.Load("llama");
        using var adapter = ModelAdapter.Attach(model, new());
        var error = Assert.Throws<NotSupportedException>(() => new ModuleCheckpoint(model));
        Assert.Equal(
            "The model has an adapter, or weights in 4-bit codes, which a checkpoint of its own weights lacks. Merge "
            + "the adapter into the model, or save it and merge it into the checkpoint that the model was loaded from.",
            error.Message);
    }

    private static void Train(ModelAdapter adapter, CausalLanguageModel model, Tensor ids)
    {
        using var optimizer = new AdamW(adapter.Parameters);
        for (var step = 0; step < 6; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGradients();
            AdaptedLoss.Of(model, ids).backward();
            optimizer.Step(0.02, 0);
        }
    }

    private static Tensor Logits(CausalLanguageModel model, Tensor ids)
    {
        using var untracked = no_grad();
        return model.forward(ids).view(24, -1);
    }

    private static void AssertExports(Checkpoint checkpoint, string folder, Tensor ids, Tensor expected)
    {
        Exporter.Export(checkpoint, folder);
        using var graph = GraphModel.Open(Path.Combine(folder, "model.onnx"));
        using var untracked = no_grad();
        using var logits = graph.Forward(ids);
        Assert.InRange((logits.view(24, -1) - expected).abs().max().item<float>(), 0, 1e-4f);
    }
}
