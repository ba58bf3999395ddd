using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Training.Models;
using Slipway.Training.Optimization;
using Slipway.Training.Recipes;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

public sealed class ModelAdapterTests
{
    private static readonly Dictionary<string, AdapterConfig> Configs = new()
    {
        ["lora"] = new() { Rank = 4, Alpha = 8, TargetModules = ["q_proj", "down_proj"] },
        ["all-linear"] = new() { Rank = 2 },
        ["patterns"] = new()
        {
            Rank = 4, TargetModules = ["q_proj", "v_proj"], UseRsLora = true,
            RankPattern = new Dictionary<string, double> { [@"layers\.1\..*q_proj"] = 6 },
            AlphaPattern = new Dictionary<string, double> { ["v_proj"] = 3 },
        },
        ["dora"] = new() { Rank = 4, UseDora = true, TargetModules = ["k_proj", "up_proj"] },
        ["ia3"] = new() { Kind = AdapterKind.Ia3, TargetModules = ["k_proj", "v_proj", "down_proj"] },
        ["prompt"] = new() { Kind = AdapterKind.PromptTuning, VirtualTokens = 3 },
        ["prefix"] = new() { Kind = AdapterKind.PrefixTuning, VirtualTokens = 3 },
        ["bottleneck"] = new() { Kind = AdapterKind.Bottleneck, Rank = 5, TargetModules = ["o_proj", "down_proj"] },
    };

    public static TheoryData<string> Names => [.. Configs.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Adapter_Trained_LearnsWhileTheModelStays(string name)
    {
        using var model = Reference.Load("llama");
        var before = model.named_parameters().Select(one => one.parameter.clone()).ToArray();
        using var adapter = ModelAdapter.Attach(model, Configs[name], seed: 3);
        var (first, last) = Train(model, adapter);
        Assert.True(last < first - 0.01, $"{name}: {first} to {last}");
        Assert.All(
            before.Zip(model.parameters()), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Adapter_SavedAndLoaded_GivesTheSameLogits(string name)
    {
        using var folder = new TemporaryFolder();
        using var model = Reference.Load("llama");
        using var adapter = ModelAdapter.Attach(model, Configs[name], seed: 3);
        Train(model, adapter);
        adapter.Save(folder["adapter"]);
        using var expected = Logits(model);
        using var other = Reference.Load("llama");
        using var loaded = ModelAdapter.Load(other, folder["adapter"]);
        using var logits = Logits(other);
        Assert.True(expected.equal(logits).all().item<bool>());
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("all-linear")]
    [InlineData("patterns")]
    [InlineData("dora")]
    public void Adapter_SavedAndMergedByTheReader_GivesTheModulesLogits(string name)
    {
        using var folder = new TemporaryFolder();
        using var model = Reference.Load("llama");
        using var adapter = ModelAdapter.Attach(model, Configs[name], seed: 3);
        Train(model, adapter);
        adapter.Save(folder["adapter"]);
        using var expected = Logits(model);
        using var merged = LoraAdapter.Open(folder["adapter"])
            .MergeInto(Checkpoint.Open(SharedAssets.Path("tiny", "llama")));
        using var other = new CausalLanguageModel(ModelConfig.Parse(merged.Config, merged.Path));
        CheckpointWeights.Load(other, merged);
        using var logits = Logits(other);
        Assert.InRange((expected - logits).abs().max().item<float>(), 0, 1e-4f);
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("dora")]
    [InlineData("ia3")]
    public void Merge_IntoTheWeights_KeepsTheLogits(string name)
    {
        using var model = Reference.Load("llama-tied-bias");
        using var adapter = ModelAdapter.Attach(model, Configs[name], seed: 3);
        Train(model, adapter);
        using var expected = Logits(model);
        adapter.Merge();
        using var logits = Logits(model);
        Assert.Null(model.Adapter);
        Assert.InRange((expected - logits).abs().max().item<float>(), 0, 1e-4f);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Adapter_InBFloat16_LearnsAsInFloat32(string name)
    {
        using var model = Reference.Load("llama");
        using var other = Reference.Load("llama");
        other.ComputeType = bfloat16;
        using var adapter = ModelAdapter.Attach(model, Configs[name], seed: 3);
        using var half = ModelAdapter.Attach(other, Configs[name], seed: 3);
        Assert.Equal(Train(model, adapter).Last, Train(other, half).Last, 0.05);
    }

    [Fact]
    public void Merge_IntoTransposedWeights_KeepsTheLogits()
    {
        using var model = Reference.Load("gpt2");
        using var adapter = ModelAdapter.Attach(model, new() { Rank = 4, TargetModules = ["c_attn", "c_fc"] }, seed: 3);
        Train(model, adapter);
        using var expected = Logits(model);
        adapter.Merge();
        using var logits = Logits(model);
        Assert.InRange((expected - logits).abs().max().item<float>(), 0, 1e-4f);
    }

    [Fact]
    public void Disable_UntilDisposed_GivesTheModelsOwnLogits()
    {
        using var model = Reference.Load("llama");
        using var own = Logits(model);
        using var adapter = ModelAdapter.Attach(model, Configs["lora"], seed: 3);
        Train(model, adapter);
        using var adapted = Logits(model);
        using (adapter.Disable())
        {
            using var disabled = Logits(model);
            Assert.True(own.equal(disabled).all().item<bool>());
        }

        using var again = Logits(model);
        Assert.True(adapted.equal(again).all().item<bool>());
        Assert.False(own.equal(adapted).all().item<bool>());
    }

    [Fact]
    public void Dropout_OfASeed_LeavesOutTheSameAndNothingOutsideABatch()
    {
        using var model = Reference.Load("llama");
        using var plain = Logits(model);
        using var adapter = ModelAdapter.Attach(model, Configs["lora"] with { Dropout = 0.5 }, seed: 3);
        Train(model, adapter);
        using Tensor first = Dropped(1), again = Dropped(1), other = Dropped(2), evaluated = Logits(model),
            once = Logits(model);
        Assert.True(first.equal(again).all().item<bool>());
        Assert.False(first.equal(other).all().item<bool>());
        Assert.True(evaluated.equal(once).all().item<bool>());

        Tensor Dropped(long seed)
        {
            using var batch = RandomDropout.Begin(seed);
            return Logits(model);
        }
    }

    [Fact]
    public void Apply_OfDropout_KeepsTheMean()
    {
        using var batch = RandomDropout.Begin(7);
        using var values = RandomDropout.Apply(ones(200_000), 0.25);
        Assert.Equal(1, values.mean().item<float>(), 0.01);
        Assert.Equal(0.25, values.eq(0).to(float32).mean().item<float>(), 0.01);
    }

    [Fact]
    public void Load_OfAnAdapterForAnotherBase_NamesIt()
    {
        using var folder = new TemporaryFolder();
        using var model = Reference.Load("llama");
        using (var adapter = ModelAdapter.Attach(model, Configs["lora"] with { BaseModel = "llama" }))
        {
            adapter.Save(folder["adapter"]);
        }

        using var other = Reference.Load("llama-mha");
        var error = Assert.Throws<CheckpointException>(() => ModelAdapter.Load(other, folder["adapter"]));
        Assert.EndsWith(
            $"The adapter '{Path.Combine(folder["adapter"], "adapter_model.safetensors")}' belongs to another model, "
            + "'llama', or to other settings.", error.Message, StringComparison.Ordinal);
        Assert.Null(other.Adapter);
    }

    [Fact]
    public void Load_OfAVariantThatCannotBeTrained_IsRefusedByName()
    {
        var json = JsonNode.Parse("""{"peft_type": "LORA", "use_qalora": true, "r": 0}""")!.AsObject();
        var error = Assert.Throws<RecipeException>(() => AdapterConfig.Parse(json, "adapter_config.json"));
        Assert.Equal(
            [
                "'use_qalora' is set, which cannot be trained; expected it unset.",
                "'r' is '0'; expected a whole number from 1 to 65536.",
            ], error.Errors);
    }

    [Fact]
    public void Attach_WithATargetThatTheModelLacks_NamesTheNearest()
    {
        using var model = Reference.Load("llama");
        var error = Assert.Throws<ArgumentException>(
            () => ModelAdapter.Attach(model, new() { TargetModules = ["q_project"] }));
        Assert.StartsWith(
            "The model has no matrix 'q_project', which 'target_modules' names. The nearest is 'q_proj'.",
            error.Message, StringComparison.Ordinal);
    }

    private static (double First, double Last) Train(CausalLanguageModel model, ModelAdapter adapter)
    {
        using var ids = (arange(3 * 17) * 37 % 250).view(3, 17);
        using var optimizer = new AdamW(adapter.Parameters);
        var losses = new List<double>();
        for (var step = 0; step < 6; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGradients();
            var loss = AdaptedLoss.Of(model, ids);
            loss.backward();
            optimizer.Step(0.02, 0);
            losses.Add(loss.item<float>());
        }

        return (losses[0], losses[^1]);
    }

    private static Tensor Logits(CausalLanguageModel model)
    {
        using var untracked = no_grad();
        using var scope = NewDisposeScope();
        return AdaptedLoss.Logits(model, (arange(2 * 9) * 11 % 250).view(2, 9)).MoveToOuterDisposeScope();
    }
}
