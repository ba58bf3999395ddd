using Slipway.Evaluation.Guidance;
using Slipway.Testing;
using Slipway.Tokenization;

namespace Slipway.Evaluation.Tests.Guidance;

public sealed class GuidanceBenchTests(ITestOutputHelper output)
{
    [Fact]
    public void Measure_OfAVocabulary_ReadsAnswersThatSatisfyTheTools()
    {
        var tokenizer = HuggingFaceTokenizer.Load(SharedAssets.Path("smollm2-135m-instruct", "tokenizer.json"));

        var report = GuidanceBench.Measure(tokenizer, rounds: 1, TestContext.Current.CancellationToken);

        output.WriteLine(report.ToString());
        Assert.Equal(49152, report.VocabularySize);
        Assert.Equal(8, report.Tools);
        Assert.InRange(report.ForcedShare, 0.05, 0.95);
        Assert.True(report.FirstMask > TimeSpan.Zero && report.CompileTime > TimeSpan.Zero);
        Assert.InRange(report.FirstMaskNinth, report.FirstMask, report.FirstMaskLongest);
    }

    [Fact]
    public void Measure_WithoutRounds_IsRefused()
        => Assert.Throws<ArgumentOutOfRangeException>(() => GuidanceBench.Measure(
            HuggingFaceTokenizer.Load(SharedAssets.Path("genai-packages", "llama-int4", "tokenizer.json")), rounds: 0));
}
