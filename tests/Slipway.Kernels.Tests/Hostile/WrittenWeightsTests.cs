using Slipway.Export;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Hostile;

/// <summary>
/// A model notices that its weights were written in place, and not that they were replaced by renaming.
/// </summary>
public sealed class WrittenWeightsTests : IDisposable
{
    private static readonly int[] _tokens = [3, 4, 5, 6];
    private readonly TemporaryFolder _folder = new();

    public WrittenWeightsTests()
        => KernelPackage.Export("llama", _folder["package"], Precision.Int4, KeyValuePrecision.Float32);

    private string Data => _folder["package/model.onnx.data"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Answer_WeightsWereWritten_IsRefused(bool useKernels)
    {
        using var model = Load(useKernels);
        await ScoreAsync(model);
        using (var stream = new FileStream(Data, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            stream.Position = stream.Length - 1;
            stream.WriteByte(0x55);
        }

        // Later by more than the file system's own steps.
        File.SetLastWriteTimeUtc(Data, DateTime.UtcNow.AddSeconds(10));
        var refused = await Assert.ThrowsAsync<PackageException>(() => ScoreAsync(model));
        Assert.Equal(
            $"The file '{Data}' was written while a model has its weights mapped from it, so answers would be of other "
            + "weights. Dispose the model and load it again; replace packages by renaming.",
            refused.Message);
        Assert.Equal(refused.Message, (await Assert.ThrowsAsync<PackageException>(() => AnswerAsync(model))).Message);
    }

    [Fact]
    public async Task Answer_PackageWasReplacedByRenaming_GoesOnWithTheOldOne()
    {
        using var model = Load(useKernels: true);
        var expected = await ScoreAsync(model);
        KernelPackage.Export("qwen3", _folder["other"], Precision.Int4, KeyValuePrecision.Float32);
        File.Move(_folder["other/model.onnx.data"], Data, overwrite: true);
        Assert.Equal(expected, await ScoreAsync(model));
        Directory.Delete(_folder["package"], recursive: true);
        Assert.Equal(expected, await ScoreAsync(model));
    }

    private static Task<float[]> ScoreAsync(LanguageModel model)
        => model.ScoreAsync(_tokens, TestContext.Current.CancellationToken);

    private static async Task AnswerAsync(LanguageModel model)
    {
        var request = new GenerationRequest { PromptIds = _tokens, MaxOutputTokens = 2 };
        await foreach (var _ in model.GenerateAsync(request, TestContext.Current.CancellationToken))
        {
        }
    }

    private LanguageModel Load(bool useKernels)
        => LanguageModel.Load(_folder["package"], new LanguageModelOptions { UseKernels = useKernels });
}
