using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>
/// Packages with a file missing or altered, and prompts that they cannot take: one sentence each, code 1.
/// </summary>
public sealed class BadPackageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("model.onnx",
        "The package '{0}' has no file 'model.onnx', as 'genai_config.json' says. Copy or export the package again.")]
    [InlineData(
        "model.onnx.data",
        "The package '{0}' has no file 'model.onnx.data', which 'slipway.json' lists. Copy or export the package "
        + "again.")]
    [InlineData(
        "tokenizer.json",
        "The package '{0}' has no file 'tokenizer.json', which 'slipway.json' lists. Copy or export the package "
        + "again.")]
    [InlineData(
        "genai_config.json",
        "The folder '{0}' holds no 'genai_config.json', so it is not a package. Export a checkpoint with 'slipway "
        + "export', or give the "
        + "folder of a package that ONNX Runtime GenAI reads or Optimum wrote.")]
    public async Task Verb_FileThatIsMissing_IsNamed(string file, string expected)
    {
        var package = SmallPackage.WritePackage(_folder);
        File.Delete(Path.Combine(package, file));
        await AssertRefusedAsync(
            expected.Replace("{0}", package, StringComparison.Ordinal), "generate", package, "-p", "a");
        await AssertRefusedAsync(
            expected.Replace("{0}", package, StringComparison.Ordinal), "chat", package, "-m", "a");
    }

    [Theory]
    [InlineData("model.onnx")]
    [InlineData("model.onnx.data")]
    [InlineData("tokenizer.json")]
    public async Task Verb_FileWithAnAlteredByte_IsNamed(string file)
    {
        string package = SmallPackage.WritePackage(_folder), path = Path.Combine(package, file);
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(path, bytes);
        var expected =
            $"The file '{path}' does not have the SHA-256 that 'slipway.json' states. It is altered: copy or export "
            + "the package again.";
        await AssertRefusedAsync(expected, "generate", package, "-p", "a");
        await AssertRefusedAsync(expected, "inspect", package);
    }

    [Fact]
    public async Task Generate_TokenizerThatIsCut_SaysWhere()
    {
        string package = SmallPackage.WritePackage(_folder), path = Path.Combine(package, "tokenizer.json");
        File.Delete(Path.Combine(package, "slipway.json"));
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..1]);
        await AssertRefusedAsync(
            $"Tokenizer '{path}' is not valid JSON: Expected depth to be zero at the end of the JSON payload. There is "
            + "an open JSON object or array that should be closed. LineNumber: 0 | BytePositionInLine: 1. Download or "
            + "export it again.",
            "generate", package, "-p", "a");
    }

    [Theory]
    [InlineData("The prompt is empty. Give at least one token, for example the one that begins a text.", "--prompt",
        "")]
    [InlineData("The prompt is empty. Give at least one token, for example the one that begins a text.", "--input-ids",
    "")]
    [InlineData(
        "Token id '9999' at position '1' is outside the vocabulary of '256' entries. Encode the text with the "
        + "package's own tokenizer.",
        "--input-ids", "1,9999")]
    public async Task Generate_PromptOfNoUse_SaysWhatToGive(string expected, string option, string value) =>
        await AssertRefusedAsync(expected, "generate", SmallPackage.WritePackage(_folder), option, value);

    [Fact]
    public async Task Generate_PromptLongerThanTheContext_SaysBothLengthsAndTheRemedy() => await AssertRefusedAsync(
        "The prompt has '200' tokens; the context holds '128'. Shorten it, or load the model with a longer context if "
        + "the package and the memory allow.",
        "generate", SmallPackage.WritePackage(_folder), "--input-ids", string.Join(',', Enumerable.Repeat(5, 200)));

    private static async Task AssertRefusedAsync(string expected, params string[] arguments)
    {
        var run = await Tool.RunAsync(arguments);
        Assert.Equal((1, $"slipway: {expected}"), (run.Code, run.Error.TrimEnd()));
        Assert.Empty(run.Output);
    }
}
