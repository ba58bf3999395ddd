using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Tests;

public sealed class BadRequestTests
{
    [Fact]
    public void GenerateAsync_EmptyPrompt_SaysWhatToGive()
        => AssertRefused(
            new() { PromptIds = [] },
            "The prompt is empty. Give at least one token, for example the one that begins a text. (Parameter "
            + "'request')");

    [Fact]
    public void GenerateAsync_PromptLongerThanContext_NamesBothLengths()
        => AssertRefused<ContextLengthException>(
            new() { PromptIds = new int[129] },
            "The prompt has '129' tokens; the context holds '128'. Shorten it, or load the model with a longer context "
            + "if the package and the memory allow. (Parameter 'request')");

    [Fact]
    public void GenerateAsync_PromptFillsContext_SaysThatNothingCanFollow()
        => AssertRefused<ContextLengthException>(
            new() { PromptIds = new int[128] },
            "The prompt has '128' tokens and fills the context of '128', so nothing can be generated. Shorten it. "
            + "(Parameter 'request')");

    [Theory]
    [InlineData(-1)]
    [InlineData(256)]
    public void GenerateAsync_IdOutsideVocabulary_NamesIdAndPosition(int id)
        => AssertRefused(
            new() { PromptIds = [1, id] },
            $"Token id '{id}' at position '1' is outside the vocabulary of '256' entries. Encode the text with the "
            + "package's own tokenizer. (Parameter 'request')");

    [Fact]
    public void GenerateAsync_SamplingOutOfRange_NamesOptionAndRange()
    {
        AssertRefused(
            new() { PromptIds = [1], Sampling = new() { TopP = 1.5 } },
            "TopP is '1.5'; expected from 0 to 1. (Parameter 'request')");
        AssertRefused(
            new() { PromptIds = [1], Sampling = new() { Temperature = double.NaN } },
            "Temperature is 'NaN'; expected from 0 to 10000. (Parameter 'request')");
        AssertRefused(
            new() { PromptIds = [1], MaxOutputTokens = 0 },
            "MaxOutputTokens is '0'; expected at least 1, or null for no limit. (Parameter 'request')");
    }

    [Fact]
    public async Task GenerateAsync_LimitBeyondContext_EndsWithLength()
    {
        using var model = LanguageModel.Load(Folder);
        var tokens = await model.CollectAsync(new()
        {
            PromptIds = [1, 2, 3],
            MaxOutputTokens = 1000,
            IgnoreEndOfSequence = true,
        });
        Assert.Equal(125, tokens.Count);
        Assert.Equal(FinishReason.Length, tokens[^1].FinishReason);
    }

    [Fact]
    public void Load_ContextBeyondPackage_NamesBoth()
    {
        var error = Assert.Throws<ArgumentException>(
            () => LanguageModel.Load(Folder, new LanguageModelOptions { ContextLength = 4096 }));
        Assert.Equal(
            "ContextLength is '4096'; the package allows at most '128'. Set it to that or less. (Parameter 'options')",
            error.Message);
    }

    [Fact]
    public void Load_ContextBeyondBudget_NamesWhatWouldFit()
    {
        // 3 layers * 2 tensors * 2 heads * 16 elements * 4 bytes = 768 bytes for each token.
        var error = Assert.Throws<ArgumentException>(() => LanguageModel.Load(
            Folder, new LanguageModelOptions { ContextLength = 128, KeyValueCacheBytes = 768 * 100 }));
        Assert.StartsWith(
            "A context of '128' tokens needs 0.1 MiB of KV cache; the budget is 0.1 MiB and ", error.Message,
            StringComparison.Ordinal);
        Assert.EndsWith(
            " are free. Set ContextLength to '100' or less, or raise KeyValueCacheBytes ('--kv-cache-bytes' on the "
            + "command line). (Parameter 'options')",
            error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Load_SmallBudget_ShortensTheContext()
    {
        using var model = LanguageModel.Load(Folder, new LanguageModelOptions { KeyValueCacheBytes = 768 * 100 });
        Assert.Equal(100, model.ContextLength);
    }

    [Fact]
    public void Load_BadOptions_NamesEveryOne()
    {
        var options = new LanguageModelOptions { Threads = 0, MaxBatchSize = -1 };
        var error = Assert.Throws<ArgumentException>(() => LanguageModel.Load(Folder, options));
        Assert.Equal(
            "Threads is '0'; expected from 1 to 1024. MaxBatchSize is '-1'; expected from 1 to 4096. (Parameter "
            + "'options')",
            error.Message);
    }

    [Fact]
    public void Load_DamagedGraph_NamesTheFile()
    {
        using var folder = Copy();
        File.WriteAllBytes(folder["model.onnx"], [1, 2, 3, 4, 5]);
        var error = Assert.Throws<PackageException>(() => LanguageModel.Load(folder.Path));
        Assert.StartsWith(
            $"ONNX Runtime cannot load '{folder["model.onnx"]}': ", error.Message, StringComparison.Ordinal);
        Assert.Equal(folder["model.onnx"], error.Path);
    }

    [Fact]
    public void Load_GraphLacksAName_NamesIt()
    {
        using var folder = Copy();
        var config = folder["genai_config.json"];
        File.WriteAllText(
            config, File.ReadAllText(config).Replace("present.%d.value", "now.%d.value", StringComparison.Ordinal));
        var error = Assert.Throws<PackageException>(() => LanguageModel.Load(folder.Path));
        Assert.Equal(
            $"The graph '{folder["model.onnx"]}' has no output 'now.0.value', which 'genai_config.json' names. Export "
            + "the package again.",
            error.Message);
    }

    [Fact]
    public async Task Load_NoTokenizer_TakesIdsOnly()
    {
        using var folder = Copy();
        File.Delete(folder["tokenizer.json"]);
        using var model = LanguageModel.Load(folder.Path);
        var expected = PackageCases.Read("llama-int4")[0];
        var tokens = await model.CollectAsync(new() { PromptIds = expected.PromptIds, MaxOutputTokens = 3 });
        Assert.Equal(expected.OutputIds[..3], tokens.Select(token => token.Id));
        var error = Assert.Throws<NotSupportedException>(
            () => model.GenerateAsync(new() { PromptIds = [1], StopSequences = ["."] }));
        Assert.Equal(
            $"The package '{folder.Path}' has no 'tokenizer.json', so it takes and gives token ids only. Copy the "
            + "tokenizer of the model's checkpoint into the package.",
            error.Message);
    }

    private static string Folder => PackageCases.Folder("llama-int4");

    private static void AssertRefused(GenerationRequest request, string message)
        => AssertRefused<ArgumentException>(request, message);

    private static void AssertRefused<T>(GenerationRequest request, string message)
        where T : ArgumentException
    {
        using var model = LanguageModel.Load(Folder);
        var error = Assert.Throws<T>(() => model.GenerateAsync(request));
        Assert.Equal(message, error.Message);
    }

    private static TemporaryFolder Copy()
    {
        var source = Folder;
        var folder = new TemporaryFolder();
        foreach (var file in Directory.EnumerateFiles(source))
        {
            // The assets are read-only; the copy is not.
            File.WriteAllBytes(folder[Path.GetFileName(file)], File.ReadAllBytes(file));
        }

        return folder;
    }
}
