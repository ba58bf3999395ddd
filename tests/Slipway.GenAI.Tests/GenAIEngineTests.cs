using Microsoft.ML.OnnxRuntimeGenAI;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.GenAI.Tests;

/// <summary>Generates by ONNX Runtime GenAI behind this library's engine, scheduler and sampler.</summary>
public sealed class GenAIEngineTests(ITestOutputHelper output)
{
    public static TheoryData<string> All => Packages.All;

    [Theory]
    [MemberData(nameof(All))]
    public async Task Answer_OfAPackage_IsTheGeneratorsOwn(string package)
    {
        using var model = Packages.Load(package);
        foreach (var (length, seed) in new[] { (1, 1), (9, 2), (40, 3) })
        {
            var prompt = Packages.Prompt(model, length, seed);
            IsBeginning(Own(package, prompt, 24), await Packages.IdsAsync(model, Packages.Greedy(prompt, 24)));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task Logits_OfAPackage_AreThoseOfThisLibrarysEngine(string package)
    {
        using var model = Packages.Load(package);
        using var own = LanguageModel.Load(package, new() { UseKernels = false });
        var prompt = Packages.Prompt(model, 50, 7);
        var (expected, actual) = (await own.ForwardAsync(prompt), await model.ForwardAsync(prompt));
        var largest = 0f;
        for (var i = 0; i < expected.Memory.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs(expected.Memory.Span[i] - actual.Memory.Span[i]));
        }

        // Kernels of 4-bit weights round their inputs by 8 bits.
        output.WriteLine($"{Path.GetFileName(package)}: {largest:0.0e+0}");
        Assert.InRange(largest, 0, package.EndsWith("fp32", StringComparison.Ordinal) ? 1e-4 : 0.2);
        Assert.Equal((own.VocabularySize, own.ContextLength), (model.VocabularySize, model.ContextLength));
    }

    [Fact]
    public async Task Requests_AtOnceAndOneAfterTheOther_AnswerAsAlone()
    {
        var package = Packages.DeviceAssistant;
        using var model = Packages.Load(package, options => options with { MaxBatchSize = 3 });
        var shared = Packages.Prompt(model, 30, 11);
        GenerationRequest[] requests =
        [
            .. Enumerable.Range(0, 8).Select(index => Packages.Greedy(
                [.. shared.Take(30 - index), .. Packages.Prompt(model, 1 + (5 * index), index)], 6 + (3 * index))),
        ];
        var together = await Task.WhenAll(requests.Select(request => Packages.IdsAsync(model, request)));
        for (var index = 0; index < requests.Length; index++)
        {
            Assert.Equal(together[index], await Packages.IdsAsync(model, requests[index]));
            IsBeginning(
                Own(package, [.. requests[index].PromptIds], requests[index].MaxOutputTokens!.Value), together[index]);
        }
    }

    [Fact]
    public async Task Answer_ThatIsCancelled_LeavesTheModelAsItWas()
    {
        using var model = Packages.Load(Packages.DeviceAssistant);
        var request = Packages.Greedy(Packages.Prompt(model, 20, 5), 20);
        var expected = await Packages.IdsAsync(model, request);
        using var source = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var token in model.GenerateAsync(request with { MaxOutputTokens = 400 }, source.Token))
            {
                await source.CancelAsync();
            }
        });
        Assert.Equal(expected, await Packages.IdsAsync(model, request));
    }

    [Fact]
    public async Task Guidance_Sampling_LogProbabilitiesAndStops_AreThisLibrarys()
    {
        using var model = Packages.Load(Packages.DeviceAssistant);
        var request = new GenerationRequest
        {
            PromptIds = [.. model.Tokenizer.Encode("turn on", addSpecialTokens: false)],
            Guidance = GuidanceGrammar.Regex("[a-c]{3}-[0-9]{2}"),
            Sampling = new() { Temperature = 1, Seed = 3 },
            LogProbabilities = 2,
        };
        var text = "";
        await foreach (var token in model.GenerateAsync(request))
        {
            text += token.Text;
            Assert.NotNull(token.LogProbability);
        }

        Assert.Matches("^[a-c]{3}-[0-9]{2}$", text);
        Assert.Equal(await Packages.IdsAsync(model, request), await Packages.IdsAsync(model, request));
    }

    [Fact]
    public void Package_OnAProviderThatIsMissing_SaysSo()
    {
        var failure = Assert.Throws<NotSupportedException>(() => Packages.Load(
            Packages.DeviceAssistant, options => options with { ExecutionProviders = ["cuda"] }));

        output.WriteLine(failure.Message);
        Assert.StartsWith(
            $"ONNX Runtime GenAI cannot load '{Packages.DeviceAssistant}': ", failure.Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "What GenAI needs for 'cuda' comes with 'Microsoft.ML.OnnxRuntimeGenAI.Cuda', in the place of "
            + "'Microsoft.ML.OnnxRuntimeGenAI'.", failure.Message, StringComparison.Ordinal);
        using var model = Packages.Load(
            Packages.DeviceAssistant, options => options with { ExecutionProviders = ["cuda:1", "cpu"] });
        Assert.Equal("cpu", model.ExecutionProvider);
    }

    [Fact]
    public void Package_ThatIsDamaged_SaysSoAndLeavesNothingBehind()
    {
        using var folder = new TemporaryFolder();
        foreach (var file in Directory.EnumerateFiles(Packages.DeviceAssistant))
        {
            File.Copy(file, folder[Path.GetFileName(file)]);
        }

        // Without its manifest nobody else notices.
        File.Delete(folder["slipway.json"]);
        File.WriteAllBytes(folder["model.onnx"], [1, 2, 3]);
        var failure = Assert.ThrowsAny<NotSupportedException>(() => Packages.Load(folder.Path));
        Assert.StartsWith($"ONNX Runtime GenAI cannot load '{folder.Path}'", failure.Message, StringComparison.Ordinal);
        Assert.Throws<PackageException>(() => Packages.Load(folder["none"]));
    }

    [Fact]
    public async Task Request_WithAnAdapter_IsRefused()
    {
        using var model = Packages.Load(Packages.DeviceAssistant);
        Assert.Empty(model.Adapters);
        var failure = await Assert.ThrowsAsync<ArgumentException>(
            () => Packages.IdsAsync(model, Packages.Greedy([5], 2) with { Adapter = "poems" }));
        Assert.Contains("'poems'", failure.Message, StringComparison.Ordinal);
    }

    // GenAI stops at an end token, and does not show it.
    private static void IsBeginning(int[] expected, int[] actual)
    {
        Assert.NotEmpty(expected);
        Assert.Equal(expected, actual.Take(expected.Length));
    }

    // Greedy tokens of GenAI's own loop.
    private static int[] Own(string package, int[] prompt, int tokens)
    {
        using var model = new Model(package);
        using var parameters = new GeneratorParams(model);
        parameters.SetSearchOption("max_length", prompt.Length + tokens);
        parameters.SetSearchOption("do_sample", false);
        using var generator = new Generator(model, parameters);
        generator.AppendTokens(prompt);
        List<int> ids = [];
        while (!generator.IsDone())
        {
            generator.GenerateNextToken();
            if (generator.GetSequence(0).Length > prompt.Length + ids.Count)
            {
                ids.Add(generator.GetSequence(0)[^1]);
            }
        }

        return [.. ids];
    }
}
