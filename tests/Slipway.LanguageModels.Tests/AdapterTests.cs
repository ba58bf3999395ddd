using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.LanguageModels.Tests;

/// <summary>LoRA adapters beside modules, named by the paths of their linear layers.</summary>
public sealed class AdapterTests(ITestOutputHelper output) : IDisposable
{
    private const int Context = 64, Rank = 3, Count = 12;
    private const double Scale = 2.0;
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 20).Select(index => ((index * 37) + 5) % 270)];
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. Kinds.Names, "time first"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Adapters_OfRequestsTogether_GiveTheTokensOfTheMergedModule(string name)
    {
        using var module = Kinds.Make(name, Context);
        var plain = Kinds.Greedy(module, Prompt, Count);
        var one = Write(module, "one", seed: 1);
        var other = Write(module, "other", seed: 2);
        using var adapter = LoraAdapter.Open(one);
        using var exported = Exported.Of(module, new()
        {
            ContextLength = Context, Adapters = new Dictionary<string, LoraAdapter> { ["one"] = adapter },
            AdapterInputs = true,
        });
        using var model = LanguageModel.Load(exported.Package);
        Assert.Equal(["one"], model.Adapters);
        await model.AddAdapterAsync("other", other, TestContext.Current.CancellationToken);
        var answers = await Task.WhenAll(((string?[])["one", null, "other", null, "one"]).Select(
            chosen => Kinds.Generate(model, Prompt, Count, chosen)));
        var (merged, late) = (Merged(module, one), Merged(module, other));
        output.WriteLine($"{string.Join(' ', plain)}\n{string.Join(' ', merged)}\n{string.Join(' ', late)}");
        Assert.NotEqual(plain, merged);
        Assert.NotEqual(merged, late);
        Assert.Equal([merged, plain, late, plain, merged], answers.Select(answer => answer.Tokens));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Adapters_OfAQuantizedPackage_MoveItsLogits(string name)
    {
        using var module = Kinds.Make(name, Context);
        using var adapter = LoraAdapter.Open(Write(module, "one", seed: 1));
        using var exported = Exported.Of(module, new()
        {
            ContextLength = Context, Precision = Precision.Int4,
            Adapters = new Dictionary<string, LoraAdapter> { ["one"] = adapter },
        });
        using var model = LanguageModel.Load(exported.Package);
        var token = TestContext.Current.CancellationToken;
        var without = await model.ForwardAsync(Prompt, token);
        var with = await model.ForwardAsync(Prompt, "one", token);
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var ids = tensor(Array.ConvertAll(Prompt, id => (long)id), [1, Prompt.Length]);
        var before = module.call(ids)[0];
        Merge(module, Path.Combine(_folder.Path, "one"), 1);
        var moved = (module.call(ids)[0] - before).flatten();
        var own = (tensor(with.Memory.ToArray()) - tensor(without.Memory.ToArray())).flatten();

        // What the adapter changes is computed in float32 behind matrices of four bits.
        var likeness = nn.functional.cosine_similarity(moved.unsqueeze(0), own.unsqueeze(0)).item<float>();
        output.WriteLine($"{name}: cosine of the changes {likeness:0.000}");
        Assert.InRange(likeness, 0.8f, 1);
    }

    [Fact]
    public void Adapters_OfAnotherModule_AreRefused()
    {
        using var module = Kinds.Make("gpt", Context);
        using var other = Kinds.Make("llama", Context);
        using var adapter = LoraAdapter.Open(Write(other, "one", seed: 1));
        var refusal = Assert.Throws<CheckpointException>(() => Exported.Of(
            module, new() { Adapters = new Dictionary<string, LoraAdapter> { ["one"] = adapter } }));
        Assert.Contains("the module 'Gpt' has none", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Adapters_ScalingRows_AreThoseOfTheMergedModule()
    {
        using var module = Kinds.Make("llama", Context);
        var folder = Write(module, "scaled", seed: 3, hasMagnitudes: true);
        using var adapter = LoraAdapter.Open(folder);
        using var exported = Exported.Of(module, new()
        {
            ContextLength = Context, Adapters = new Dictionary<string, LoraAdapter> { ["scaled"] = adapter },
        });
        using var model = LanguageModel.Load(exported.Package);
        var answer = await Kinds.Generate(model, Prompt, Count, "scaled");
        Assert.Equal(Merged(module, folder), answer.Tokens);
    }

    private static IEnumerable<(string Path, Linear Layer)> Layers(nn.Module module)
        => module.named_modules().Select(item => (item.name, item.module as Linear))
            .Where(item => item.Item2 is not null).Select(item => (item.name, item.Item2!));

    private string Write(nn.Module module, string name, int seed, bool hasMagnitudes = false)
    {
        using var scope = NewDisposeScope();
        using Generator generator = new((ulong)seed);
        List<SafetensorsEntry> entries = [];
        foreach (var (path, layer) in Layers(module))
        {
            void Add(string part, params long[] shape) => entries.Add(SafetensorsEntry.From(
                $"base_model.model.{path}.{part}",
                (randn(shape, generator: generator) * 0.3).data<float>().ToArray(), shape));
            Add("lora_A.weight", Rank, layer.weight.shape[1]);
            Add("lora_B.weight", layer.weight.shape[0], Rank);
            if (hasMagnitudes)
            {
                entries.Add(SafetensorsEntry.From(
                    $"base_model.model.{path}.lora_magnitude_vector",
                    (rand(layer.weight.shape[0], generator: generator) + 0.5).data<float>().ToArray(),
                    layer.weight.shape[0]));
            }
        }

        var folder = Directory.CreateDirectory(Path.Combine(_folder.Path, name)).FullName;
        SafetensorsWriter.Write(Path.Combine(folder, "adapter_model.safetensors"), [.. entries]);
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), $$"""
            {"peft_type": "LORA", "r": {{Rank}}, "lora_alpha": {{Scale * Rank}}, "target_modules": "all-linear",
             "use_dora": {{(hasMagnitudes ? "true" : "false")}}}
            """);
        return folder;
    }

    private static int[] Merged(nn.Module<Tensor, Tensor> module, string folder)
    {
        var before = module.state_dict().ToDictionary(item => item.Key, item => item.Value.clone());
        Merge(module, folder, 1);
        var tokens = Kinds.Greedy(module, Prompt, Count);
        using var none = no_grad();
        foreach (var (name, value) in module.state_dict())
        {
            value.copy_(before[name]);
        }

        return tokens;
    }

    private static void Merge(nn.Module module, string folder, double share)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var checkpoint = Checkpoint.Open(Path.Combine(folder, "adapter_model.safetensors"));
        foreach (var (path, layer) in Layers(module))
        {
            Tensor Read(string part)
            {
                var info = checkpoint.Tensors[$"base_model.model.{path}.{part}"];
                var values = new float[info.Count];
                checkpoint.ReadFloats(info.Name, 0, values);
                return tensor(values, [.. info.Shape]);
            }

            var sum = layer.weight + (share * Scale * Read("lora_B.weight").matmul(Read("lora_A.weight")));
            if (checkpoint.Tensors.ContainsKey($"base_model.model.{path}.lora_magnitude_vector"))
            {
                sum = sum * (Read("lora_magnitude_vector") / sum.norm(1)).unsqueeze(1);
            }

            layer.weight.copy_(sum);
        }
    }
}
