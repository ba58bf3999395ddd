using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Kernels.Interop;
using Slipway.Testing;
using Slipway.Tests.Engine.Load;

namespace Slipway.Tests;

public sealed class LanguageModelTests(ITestOutputHelper output)
{
    public static TheoryData<string> Packages => [.. PackageCases.Names];

    [Theory]
    [MemberData(nameof(Packages))]
    public async Task GenerateAsync_PackageMadeElsewhere_GivesItsTokens(string name)
    {
        using var model = LanguageModel.Load(PackageCases.Folder(name));
        foreach (var item in PackageCases.Read(name))
        {
            var tokens = await model.CollectAsync(Request(item));

            // GenAI pads with 0 after the end.
            var expected = item.OutputIds.TakeWhile((_, i) => i == 0 || item.OutputIds[i - 1] != 2).ToArray();
            int[] ids = [.. tokens.Select(token => token.Id)];
            await AnswerAssert.IsChosenAsync(model, Request(item), expected, PackageCases.Margin(name));
            await AnswerAssert.IsChosenAsync(model, Request(item), ids, PackageCases.Margin(name));
            if (PackageCases.Margin(name) == AnswerAssert.Float)
            {
                Assert.Equal(expected, ids);
            }

            Assert.All(tokens.SkipLast(1), token => Assert.Null(token.FinishReason));
            Assert.Equal(ids[^1] == 2 ? FinishReason.Stop : FinishReason.Length, tokens[^1].FinishReason);
            Assert.Equal(item.PromptIds.Length, tokens[^1].Usage!.PromptTokens);
            Assert.Equal(ids.Length, tokens[^1].Usage!.OutputTokens);
        }
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public async Task ForwardAsync_PackageMadeElsewhere_GivesItsLogits(string name)
    {
        using var model = LanguageModel.Load(PackageCases.Folder(name));
        var max = 0f;
        foreach (var item in PackageCases.Read(name))
        {
            var logits = await model.ForwardAsync(item.PromptIds);
            Assert.Equal(item.PromptIds.Length, logits.Length);
            var difference = logits[logits.Length - 1].ToArray().Zip(item.LastLogits, (x, y) => Math.Abs(x - y)).Max();
            max = Math.Max(max, difference);
        }

        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public async Task GenerateAsync_ManyAtOnce_GivesTheTokensOfEachAlone(string name)
    {
        var options = new LanguageModelOptions { MaxBatchSize = 5, MaxPrefillTokens = 7, MaxMixedPrefillTokens = 3 };
        using var model = LanguageModel.Load(PackageCases.Folder(name), options);
        var cases = PackageCases.Read(name);
        var requests = Enumerable.Range(0, 24).Select(i => new GenerationRequest
        {
            PromptIds = cases[i % cases.Length].PromptIds,
            MaxOutputTokens = 1 + (i * 5 % cases[0].OutputIds.Length),
            IgnoreEndOfSequence = true,
        }).ToArray();

        var together = await Task.WhenAll(requests.Select(request => Task.Run(() => model.CollectAsync(request))));
        foreach (var (request, tokens) in requests.Zip(together))
        {
            Assert.Equal(request.MaxOutputTokens, tokens.Count);
            await AnswerAssert.IsChosenAsync(
                model, request, [.. tokens.Select(token => token.Id)], PackageCases.Margin(name));
        }
    }

    /// <summary>The kernels add the sums of a row in one order, so that company changes nothing.</summary>
    [Fact]
    public async Task GenerateAsync_ManyAtOnceInKernels_GivesExactlyTheTokensOfEachAlone()
    {
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");
        using var folder = new TemporaryFolder();
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama")))
        {
            Exporter.Export(checkpoint, folder["package"], new ExportOptions { Precision = Precision.Int4 });
        }

        using var model = LanguageModel.Load(
            folder["package"], new() { MaxBatchSize = 7, MaxPrefillTokens = 9, MaxMixedPrefillTokens = 5 });
        var requests = Enumerable.Range(0, 20).Select(i => new GenerationRequest
        {
            PromptIds = [.. Enumerable.Range(3 + i, 5 + (i * 7 % 40))],
            MaxOutputTokens = 12 + i,
            IgnoreEndOfSequence = true,
            LogProbabilities = 0,
        }).ToArray();

        var alone = new List<List<GeneratedToken>>();
        foreach (var request in requests)
        {
            alone.Add(await model.CollectAsync(request));
        }

        var together = await Task.WhenAll(requests.Select(request => Task.Run(() => model.CollectAsync(request))));
        foreach (var (expected, tokens) in alone.Zip(together))
        {
            Assert.Equal(expected.Select(token => token.Id), tokens.Select(token => token.Id));
            Assert.Equal(
                expected.Select(token => token.LogProbability), tokens.Select(token => token.LogProbability));
        }
    }

    /// <summary>
    /// Until version 0.1.0 a package could hold a second graph for prompts, which the manifest named.
    /// </summary>
    [Fact]
    public async Task Load_ManifestNamesAGraphForPrompts_IgnoresIt()
    {
        using var package = new LoadPackage("llama");
        var request = new GenerationRequest
        {
            PromptIds = [5, 9, 200], MaxOutputTokens = 12, IgnoreEndOfSequence = true,
        };
        var expected = await IdsAsync();

        var bytes = "no graph"u8.ToArray();
        File.WriteAllBytes(Path.Combine(package.Folder, "prefill.onnx"), bytes);
        var path = Path.Combine(package.Folder, "slipway.json");
        var manifest = JsonNode.Parse(File.ReadAllText(path))!;
        manifest["prefill_model"] = "prefill.onnx";
        manifest["files"]!.AsArray().Add(new JsonObject
        {
            ["name"] = "prefill.onnx",
            ["bytes"] = bytes.Length,
            ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(bytes)),
        });
        File.WriteAllText(path, manifest.ToJsonString());

        Assert.Equal(expected, await IdsAsync());

        async Task<int[]> IdsAsync()
        {
            using var model = LanguageModel.Load(package.Folder);
            return [.. (await model.CollectAsync(request)).Select(token => token.Id)];
        }
    }

    private static GenerationRequest Request(PackageCase item)
        => new() { PromptIds = item.PromptIds, MaxOutputTokens = item.OutputIds.Length };
}
