using Slipway.Checkpoints;
using Slipway.Packaging;
using Slipway.Testing;
using Slipway.Tokenization;

namespace Slipway.Export.Tests;

/// <summary>Exports checkpoints whose tokenizer is no <c>tokenizer.json</c>.</summary>
public sealed class TokenizerExportTests : IDisposable
{
    private const string Text = "a  b word, [UNK] 日本 <s></s> é";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("spm-bpe-bytefallback", 2)]
    [InlineData("spm-unigram", 2)]
    public void Export_SentencePieceModel_WritesTheTokenizerThatSaysTheSame(string name, int end)
    {
        var source = Checkpoints(("tokenizer.model", File.ReadAllBytes(
            SharedAssets.Path("tokenizers", name, "tokenizer.model"))));
        File.WriteAllText(
            Path.Combine(source, "tokenizer_config.json"), """{"eos_token": "</s>", "add_bos_token": true}""");

        var report = Export(source);

        var package = ModelPackage.Open(_folder["package"], PackageVerification.Full);
        Assert.Contains(end, package.Config.Model.EosTokenId);
        Assert.Equal(
            HuggingFaceTokenizer.Load(source).Encode(Text, true),
            HuggingFaceTokenizer.Load(_folder["package"]).Encode(Text, true));
        Assert.DoesNotContain(report.Warnings, warning => warning.Contains("split", StringComparison.Ordinal));
    }

    [Fact]
    public void Export_VocabularyAndMerges_TellsWhatItPresumed()
    {
        var source = Checkpoints(
            ("vocab.json", """{"a": 0, "b": 1, "ab": 2}"""u8.ToArray()), ("merges.txt", "a b\n"u8.ToArray()));

        var report = Export(source);

        Assert.Equal([2, 0], HuggingFaceTokenizer.Load(_folder["package"]).Encode("aba", false));
        Assert.Contains(report.Warnings, warning => warning.Contains(
            "it is split as GPT2Tokenizer does", StringComparison.Ordinal));
    }

    [Fact]
    public void Export_DamagedTokenizer_IsRefused()
    {
        var source = Checkpoints(("tokenizer.model", [1, 2, 3]));

        var exception = Assert.Throws<TokenizerFormatException>(() => Export(source));

        Assert.Equal(Path.Combine(source, "tokenizer.model"), exception.Path);
        Assert.False(Directory.Exists(_folder["package"]));
    }

    private ExportReport Export(string source)
    {
        using var checkpoint = Checkpoint.Open(source);
        return Exporter.Export(checkpoint, _folder["package"]);
    }

    private string Checkpoints(params (string Name, byte[] Content)[] files)
    {
        var folder = SpelledCheckpoint.Write("llama", _folder["checkpoint"]);
        File.Delete(Path.Combine(folder, "tokenizer.json"));
        foreach (var (name, content) in files)
        {
            File.WriteAllBytes(Path.Combine(folder, name), content);
        }

        return folder;
    }
}
