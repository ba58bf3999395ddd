using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Tests.Engine.Adapters;

/// <summary>Adds adapters to models that run, and removes them.</summary>
public sealed class RunningAdapterTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string[] Names = ["attention", "all-linear"];
    private static readonly int[] Prompt = [.. Enumerable.Range(3, 40)];
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama", Precision.Float32)]
    [InlineData("llama", Precision.Int4)]
    [InlineData("llama-head20", Precision.Float32)]
    public async Task Add_PeftFolder_GivesTheNumbersOfThePackageExportedWithIt(string name, Precision precision)
    {
        using var own = new PeftFolder("all-linear");
        var folders = name == "llama" ? Names.ToDictionary(one => one, PeftFolder.Source)
            : new Dictionary<string, string> { ["widened"] = Widened(own) };
        using var packaged = LanguageModel.Load(Export(name, precision, folders));
        using var running = LanguageModel.Load(Export(name, precision, [], takesMore: true));
        Assert.Empty(running.Adapters);
        var plain = await running.ForwardAsync(Prompt, Token);
        foreach (var (adapter, folder) in folders)
        {
            await running.AddAdapterAsync(adapter, folder, Token);
        }

        Assert.Equal(folders.Keys, running.Adapters);
        foreach (var adapter in folders.Keys)
        {
            var expected = await packaged.ForwardAsync(Prompt, adapter, Token);
            var logits = await running.ForwardAsync(Prompt, adapter, Token);
            var largest = Difference(expected, logits);
            output.WriteLine($"{adapter}: largest difference {largest:0.0e+0}, from the model alone "
                + $"{Difference(plain, logits):0.0e+0}");
            Assert.InRange(largest, 0, precision == Precision.Int4 ? AnswerAssert.Rounded : 1e-4f);
            Assert.InRange(Difference(plain, logits), 1e-2f, float.MaxValue);
            if (precision == Precision.Float32)
            {
                Assert.Equal(await IdsAsync(packaged, adapter), await IdsAsync(running, adapter));
            }
        }

        var without = await running.ForwardAsync(Prompt, Token);
        Assert.Equal(plain.Memory.ToArray(), without.Memory.ToArray());
    }

    [Fact]
    public async Task Add_ToAPackageOfAnotherAdapter_TakesItsLayersOnly()
    {
        using var model = LanguageModel.Load(Export(
            "llama", Precision.Float32, new() { ["attention"] = PeftFolder.Source("attention") }));
        await model.AddAdapterAsync(
            "second", PeftFolder.Source("attention"), Token);
        Assert.Equal(await IdsAsync(model, "attention"), await IdsAsync(model, "second"));
        var error = await Assert.ThrowsAsync<PackageException>(() => model.AddAdapterAsync(
            "all", PeftFolder.Source("all-linear"), Token));
        Assert.Matches(
            "^The adapter '.*' changes '.*', for which the model's graph takes no adapter. Use the model that it was "
            + @"trained on, 'llama', exported with '--adapter-inputs', or merge it at export \('--adapter DIR'\).$",
            error.Message);
        Assert.Equal(["attention", "second"], model.Adapters);
    }

    [Fact]
    public async Task Remove_AdapterInUse_EndsWithTheRequestAndRefusesOthers()
    {
        using var model = await RunningAsync();
        var expected = await IdsAsync(model, "attention");
        await using var running = model.GenerateAsync(
            Request("attention", 60), Token).GetAsyncEnumerator();
        Assert.True(await running.MoveNextAsync());
        var removal = model.RemoveAdapterAsync("attention", Token);
        Assert.Empty(model.Adapters);
        Assert.Throws<ArgumentException>(() => { _ = model.GenerateAsync(Request("attention", 3)); });
        await Assert.ThrowsAsync<ArgumentException>(
            () => model.RemoveAdapterAsync("attention", Token));

        // The same name may be another adapter's before the first has gone.
        await model.AddAdapterAsync("attention", PeftFolder.Source("all-linear"), Token);
        var other = await IdsAsync(model, "attention");
        Assert.False(removal.IsCompleted);
        List<int> ids = [running.Current.Id];
        while (await running.MoveNextAsync())
        {
            ids.Add(running.Current.Id);
        }

        await removal;
        Assert.Equal(60, ids.Count);
        Assert.Equal(expected, ids.Take(expected.Length));
        Assert.NotEqual(expected, other);
        Assert.Equal(other, await IdsAsync(model, "attention"));
    }

    [Fact]
    public async Task AddAndRemove_BesideRequests_ChangesNoneOfTheirTokens()
    {
        using var model = await RunningAsync();
        var (attention, plain) = (await IdsAsync(model, "attention"), await IdsAsync(model, null));
        var requests = Enumerable.Range(0, 40).Select(index => Task.Run(async () =>
        {
            var name = index % 2 == 0 ? "attention" : null;
            Assert.Equal(name is null ? plain : attention, await IdsAsync(model, name));
        })).ToArray();
        var other = 0;
        while (!Array.TrueForAll(requests, request => request.IsCompleted))
        {
            await model.AddAdapterAsync("other", PeftFolder.Source("all-linear"), Token);
            Assert.NotEqual(attention, await IdsAsync(model, "other"));
            await model.RemoveAdapterAsync("other", Token);
            other++;
        }

        await Task.WhenAll(requests);
        output.WriteLine($"added and removed {other} times");
        Assert.InRange(other, 1, int.MaxValue);
    }

    [Fact]
    public async Task Add_Adapter_CountsInTheBudgetUntilItIsRemoved()
    {
        var budget = new MemoryBudget(4 << 20);
        using var model = await RunningAsync(new() { MemoryBudget = budget, PrefixCacheBytes = 0 }, adapter: null);
        var before = budget.UsedBytes;
        await model.AddAdapterAsync("a", PeftFolder.Source("attention"), Token);

        // Three layers of a first factor [64, 3 · 4] and a second [3 · 4, 64 + 32 + 32].
        Assert.Equal(3 * sizeof(float) * 12 * (64 + 128), budget.UsedBytes - before);
        await model.RemoveAdapterAsync("a", Token);
        Assert.Equal(before, budget.UsedBytes);
    }

    [Fact]
    public async Task Add_AdapterThatLeavesNoRoomForASequence_IsRefused()
    {
        // Keys and values of a sequence of the whole context, and a little more.
        const int sequence = 128 * 3 * 2 * 2 * 16 * sizeof(float);
        using var model = await RunningAsync(new() { KeyValueCacheBytes = sequence + 1000 }, adapter: null);
        var error = await Assert.ThrowsAsync<MemoryBudgetException>(() => model.AddAdapterAsync(
            "a", PeftFolder.Source("attention"), Token));
        Assert.StartsWith(
            "With it adapters take '27648' bytes, which leaves ", error.Message, StringComparison.Ordinal);
        Assert.Empty(model.Adapters);
        Assert.Equal(10, (await IdsAsync(model, null)).Length);
    }

    // Kind, and what the message must match.
    public static TheoryData<string, string> Wrong => new()
    {
        {
            "rank of the settings",
            "^The adapter '.*' gives 'model.layers.0.self_attn.q_proj' the rank 5, but its tensors have the rank 4. "
            + "Take tensors and configuration from one folder that PEFT saved.$"
        },
        {
            "not finite",
            "^The adapter file '.*' holds a value for 'model.layers.0.self_attn.q_proj' that is not finite: its "
            + "training diverged. Take the file that PEFT's 'save_pretrained' wrote, without changes.$"
        },
        {
            "another base",
            "^The adapter '.*' changes 'model.layers.0.self_attn.q_proj' with factors \\[4, 60\\] and \\[64, 4\\]; the "
            + "model's layer takes 64 inputs and has 64 outputs. Use the model that it was trained on, 'llama'.$"
        },
        {
            "another target",
            "^The adapter '.*' changes 'model.layers.0.self_attn.z_proj', for which the model's graph takes no "
            + "adapter. Use the model that it was trained on, 'llama', .*$"
        },
        {
            "no second factor",
            "^The adapter file '.*' has a tensor '.*q_proj.lora_A.weight' of shape \\[4, 64\\] without a second factor "
            + "of as many columns. .*$"
        },
        {
            "dora",
            "^Tensor '.*lora_magnitude_vector' in '.*' scales rows \\(DoRA\\), which a running model cannot take: only "
            + "products of linear layers. Merge the adapter at export \\('slipway export --adapter DIR'\\).$"
        },
        { "replacement", "^Tensor 'base_model.model.lm_head.weight' in '.*' replaces a tensor, .*$" },
        { "type", "^The adapter's file '.*adapter_config.json' is of the type 'LOHA', not 'LORA'. .*$" },
        { "setting", "^'use_dora' of the adapter '.*' is 'true', which a running model cannot take. .*$" },
        { "no settings", "^The folder '.*' holds no 'adapter_config.json'. .*$" },
        { "no weights", "^The folder '.*' holds no 'adapter_model.safetensors'. .*$" },
        { "damaged", "^The adapter file '.*' states a header of .* bytes. .*$" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Add_WrongAdapter_IsRefusedInASentence(string what, string message)
    {
        using var folder = new PeftFolder();
        const string q = "base_model.model.model.layers.0.self_attn.q_proj";
        switch (what)
        {
            case "rank of the settings":
                folder.Settings["r"] = 5;
                break;
            case "not finite":
                folder.Change(q + ".lora_B.weight", values => values[7] = float.NaN);
                break;
            case "another base":
                folder.Replace(q + ".lora_A.weight", new float[4 * 60], 4, 60);
                break;
            case "another target":
                folder.Remove(q + ".lora_A.weight");
                folder.Remove(q + ".lora_B.weight");
                const string z = "base_model.model.model.layers.0.self_attn.z_proj";
                folder.Replace(z + ".lora_A.weight", new float[4], 4, 1);
                folder.Replace(z + ".lora_B.weight", new float[4], 1, 4);
                break;
            case "no second factor":
                folder.Remove(q + ".lora_B.weight");
                break;
            case "dora":
                folder.Replace(q + ".lora_magnitude_vector", new float[64], 64);
                break;
            case "replacement":
                folder.Replace("base_model.model.lm_head.weight", new float[4], 2, 2);
                break;
            case "type":
                folder.Settings["peft_type"] = "LOHA";
                break;
            case "setting":
                folder.Settings["use_dora"] = true;
                break;
        }

        var path = folder.Write();
        switch (what)
        {
            case "no settings":
                File.Delete(Path.Combine(path, "adapter_config.json"));
                break;
            case "no weights":
                File.Delete(Path.Combine(path, "adapter_model.safetensors"));
                break;
            case "damaged":
                File.WriteAllBytes(Path.Combine(path, "adapter_model.safetensors"), new byte[9]);
                break;
        }

        using var model = await RunningAsync(adapter: null);
        var error = await Assert.ThrowsAsync<PackageException>(
            () => model.AddAdapterAsync("a", path, Token));
        Assert.Matches(message, error.Message);
        Assert.Empty(model.Adapters);
    }

    [Fact]
    public async Task Add_RandomDamage_AddsOrSaysWhatIsWrong()
    {
        using var folder = new PeftFolder();
        using var model = await RunningAsync(adapter: null);
        var file = Path.Combine(folder.Write(), "adapter_model.safetensors");
        var original = File.ReadAllBytes(file);
        var random = new Random(5);
        var refused = 0;
        for (var round = 0; round < 80; round++)
        {
            var bytes = original[..(random.Next(4) == 0 ? random.Next(original.Length) : original.Length)];
            for (var change = random.Next(1, 4); change > 0 && bytes.Length > 0; change--)
            {
                bytes[random.Next(Math.Min(bytes.Length, 2000))] = (byte)random.Next(256);
            }

            File.WriteAllBytes(file, bytes);
            try
            {
                await model.AddAdapterAsync("a", folder.Folder, Token);
                await model.RemoveAdapterAsync("a", Token);
            }
            catch (PackageException)
            {
                refused++;
            }
        }

        output.WriteLine($"{refused} of 80 refused");
        Assert.InRange(refused, 20, 80);
        Assert.Equal(10, (await IdsAsync(model, null)).Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".a")]
    [InlineData("a/b")]
    public async Task Add_NameThatCannotBe_IsRefused(string name)
    {
        using var model = await RunningAsync(adapter: null);
        var error = await Assert.ThrowsAsync<ArgumentException>(() => model.AddAdapterAsync(
            name, PeftFolder.Source("attention"), Token));
        Assert.StartsWith($"'{name}' is no name for an adapter; ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Add_ToAGraphWithoutInputs_NamesTheRemedy()
    {
        var package = PackageCases.Folder("qwen3-fp32");
        using var model = LanguageModel.Load(package);
        var error = await Assert.ThrowsAsync<NotSupportedException>(() => model.AddAdapterAsync(
            "a", PeftFolder.Source("attention"), Token));
        Assert.Equal(
            $"The graph of the package '{package}' takes no adapters. Export the model again with '--adapter-inputs', "
                + "or "
            + "with the adapter itself ('--adapters NAME=DIR').",
            error.Message);
    }

    [Fact]
    public async Task Add_NameThatIsTaken_IsRefused()
    {
        using var model = await RunningAsync();
        var error = await Assert.ThrowsAsync<ArgumentException>(() => model.AddAdapterAsync(
            "attention", PeftFolder.Source("attention"), Token));
        Assert.StartsWith("The model has an adapter 'attention' already. ", error.Message, StringComparison.Ordinal);
    }

    private async Task<LanguageModel> RunningAsync(LanguageModelOptions? options = null, string? adapter = "attention")
    {
        var model = LanguageModel.Load(Export("llama", Precision.Float32, [], takesMore: true), options);
        if (adapter is not null)
        {
            await model.AddAdapterAsync(adapter, PeftFolder.Source(adapter), Token);
        }

        return model;
    }

    private string Export(
        string name, Precision precision, Dictionary<string, string> adapters, bool takesMore = false)
    {
        var package = _folder[$"{name}-{precision}-{adapters.Count}"];
        if (Directory.Exists(package))
        {
            return package;
        }

        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
        var open = adapters.ToDictionary(pair => pair.Key, pair => LoraAdapter.Open(pair.Value));
        Exporter.Export(
            checkpoint, package,
            new ExportOptions { Precision = precision, Adapters = open, AdapterInputs = takesMore });
        foreach (var adapter in open.Values)
        {
            adapter.Dispose();
        }

        return package;
    }

    // Heads of 20 are widened to 32 in the graph, so rows of the factors move; ranks differ from module to module.
    private static string Widened(PeftFolder folder)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama-head20"));
        var random = new Random(3);
        folder.Settings["rank_pattern"] = new System.Text.Json.Nodes.JsonObject { ["v_proj"] = 3 };
        folder.Settings["alpha_pattern"] = new System.Text.Json.Nodes.JsonObject { [@"layers\.1\..*"] = 5 };
        folder.Settings["use_rslora"] = true;
        foreach (var tensor in checkpoint.Tensors.Values.Where(
            tensor => tensor.Name.Contains("_proj", StringComparison.Ordinal)).ToArray())
        {
            var name = $"base_model.model.{tensor.Name[..^".weight".Length]}";
            var rank = tensor.Name.Contains("v_proj", StringComparison.Ordinal) ? 3 : 8;
            folder.Replace($"{name}.lora_A.weight", Values(rank * tensor.Shape[1]), rank, tensor.Shape[1]);
            folder.Replace($"{name}.lora_B.weight", Values(tensor.Shape[0] * rank), tensor.Shape[0], rank);
        }

        return folder.Write();

        float[] Values(long count)
            => [.. Enumerable.Range(0, (int)count).Select(_ => (random.NextSingle() - 0.5f) / 4)];
    }

    private static float Difference(TokenLogits x, TokenLogits y)
        => x.Memory.ToArray().Zip(y.Memory.ToArray(), (a, b) => MathF.Abs(a - b)).Max();

    private static async Task<int[]> IdsAsync(LanguageModel model, string? adapter)
        => [.. (await model.CollectAsync(Request(adapter, 10))).Select(token => token.Id)];

    private static GenerationRequest Request(string? adapter, int count) => new()
    {
        PromptIds = Prompt, MaxOutputTokens = count, IgnoreEndOfSequence = true, Adapter = adapter,
    };
}
