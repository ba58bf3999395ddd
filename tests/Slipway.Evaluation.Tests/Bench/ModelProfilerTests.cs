using Slipway.Evaluation.Bench;
using Slipway.Evaluation.Bench.Profile;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Bench;

public sealed class ModelProfilerTests
{
    private static string Package => SharedAssets.Path("genai-packages", "qwen3-fp32");

    [Fact]
    public async Task Measure_OneAndThreeStreams_CountsEveryOperatorOfAPromptAndOfSteps()
    {
        var phases = await ModelProfiler.MeasureAsync(
            Package, new BenchOptions { PromptTokens = 12, NewTokens = 6, Streams = [1, 3], Threads = 1 },
            cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(
            [("prompt", 1, 12.0), ("step", 1, 1.0), ("step", 3, 3.0)],
            phases.Select(phase => (phase.Name, phase.Streams, phase.TokensPerRun)));
        Assert.Equal(6, phases[1].Runs);
        Assert.All(phases, phase =>
        {
            Assert.True(phase.Elapsed >= phase.Running);
            Assert.True(phase.BetweenOperators >= TimeSpan.Zero);
            Assert.Contains(phase.Operators, part => part is { Name: "GroupQueryAttention", Nodes: > 0 });
            Assert.Contains(phase.Operators, part => part is { Name: "MatMul 64 → 256", Nodes: 4 });
            Assert.DoesNotContain(
                phase.Operators, part => !part.Name.Contains("MatMul") && part.WeightBytes > 0);
        });
        Assert.Equal(
            phases[1].Operators.ToDictionary(part => part.Name, part => (part.Nodes, part.WeightBytes)),
            phases[2].Operators.ToDictionary(part => part.Name, part => (part.Nodes, part.WeightBytes)));
    }

    [Fact]
    public async Task Measure_OwnKernels_TellsTheBytesOfWeightsThatTheyRead()
    {
        var folder = Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");
        string kernels;
        await using (var model = LanguageModel.Load(folder))
        {
            kernels = model.Kernels;
        }

        Assert.SkipUnless(kernels.StartsWith("Slipway"), "This processor runs none of the library's kernels.");
        var phases = await ModelProfiler.MeasureAsync(
            folder, new BenchOptions { PromptTokens = 8, NewTokens = 4 },
            cancellationToken: TestContext.Current.CancellationToken);
        Assert.All(phases, phase =>
        {
            var products = phase.Operators.Where(part => part.Name.Contains("MatMulNBits")).ToArray();
            Assert.NotEmpty(products);
            Assert.All(products, part => Assert.True(part.WeightBytes > 0, part.Name));
        });
    }

    [Fact]
    public async Task Measure_PromptsOfOneToken_CountsThemApartFromSteps()
    {
        var phases = await ModelProfiler.MeasureAsync(
            Package, new BenchOptions { PromptTokens = 1, NewTokens = 4, Streams = [1, 2] },
            cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(
            [("prompt", 1, 1), ("step", 1, 4)],
            phases.Take(2).Select(phase => (phase.Name, phase.Streams, phase.Runs)));
        Assert.Equal(("step", 2.0), (phases[2].Name, phases[2].TokensPerRun));
    }

    [Fact]
    public async Task Measure_ContextTooShort_SaysWhatIsNeededAndLeavesNoFolder()
    {
        int Folders() => Directory.GetDirectories(Path.GetTempPath(), "slipway-profile-*").Length;
        var before = Folders();
        var error = await Assert.ThrowsAsync<ArgumentException>(() => ModelProfiler.MeasureAsync(
            Package, new BenchOptions { Model = new() { ContextLength = 100 } }));
        Assert.StartsWith("A prompt of '512' tokens and '128' new ones need a context of '641'", error.Message);
        Assert.Equal(before, Folders());
    }
}
