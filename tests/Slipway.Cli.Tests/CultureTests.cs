using System.Globalization;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>A host whose culture writes numbers otherwise: they are read and written as everywhere.</summary>
public sealed class CultureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Verbs_CultureWithCommas_ReadAndWriteInvariantNumbers()
    {
        var package = SmallPackage.WritePackage(_folder);
        string[][] commands =
        [
            ["generate", package, "-p", "a", "--max-tokens", "8", "--temperature", "0.75", "--top-p", "0.9", "--seed",
            "3"],
            ["generate", package, "-p", "a", "--temperature", "-0.5"],
            ["generate", package, "-p", "a", "--top-p", "1.5"],
            ["generate", package, "-p", "a", "--max-tokens", "-2"],
            ["inspect", package],
            ["generate", package, "--input-ids", "1", "--kv-cache-bytes", "-1"],
        ];
        foreach (var command in commands)
        {
            var expected = await Tool.RunAsync(command);
            var run = await InCultureWithCommas(() => Tool.RunAsync(command));
            Assert.Equal((expected.Code, expected.Output, expected.Error), (run.Code, run.Output, run.Error));
        }
    }

    [Fact]
    public async Task Validate_CultureWithAnotherMinus_WritesInvariantNumbers()
    {
        using var model = LanguageModel.Load(SmallPackage.WritePackage(_folder));
        var error = await InCultureWithCommas(() => Assert.ThrowsAsync<ArgumentException>(async () =>
        {
            await foreach (var token in model.GenerateAsync(
                new GenerationRequest { PromptIds = [1], MaxOutputTokens = -5 }, TestContext.Current.CancellationToken))
            {
                Assert.NotNull(token);
            }
        }));
        Assert.StartsWith("MaxOutputTokens is '-5';", error.Message, StringComparison.Ordinal);
    }

    private static async Task<T> InCultureWithCommas<T>(Func<Task<T>> run)
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat.NumberDecimalSeparator = ",";
        culture.NumberFormat.NumberGroupSeparator = ".";
        culture.NumberFormat.NegativeSign = "\u2212";
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = culture;
        try
        {
            var result = await run();
            Assert.Same(culture, CultureInfo.CurrentCulture);
            return result;
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
