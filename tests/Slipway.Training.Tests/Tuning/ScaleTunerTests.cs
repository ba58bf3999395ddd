using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;
using Slipway.Training.Running;
using Slipway.Training.Tuning;

namespace Slipway.Training.Tests.Tuning;

public sealed class ScaleTunerTests : IDisposable
{
    private static readonly ScaleTuningOptions Options = new()
    {
        Time = TimeSpan.FromHours(1), MaxSteps = 30, BatchSize = 4, HeldBack = 4, LearningRate = 2e-3,
    };

    private readonly TemporaryFolder _folder = new();

    public ScaleTunerTests()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        Exporter.Export(checkpoint, _folder["float"]);
        Exporter.Export(
            checkpoint, _folder["int4"], new ExportOptions { Precision = Precision.Int4, Method = "rtn" });
    }

    private string Float => _folder["float/model.onnx"];

    private string Quantized => _folder["int4/model.onnx"];

    [Fact]
    public void Tune_RoundedToNearest_ComesNearerToTheFloatModel()
    {
        var result = ScaleTuner.Tune(Float, Quantized, Texts(124), Options);

        Assert.Equal(30, result.Steps);
        Assert.InRange(result.After, 0, 0.97 * result.Before);
        Assert.Contains(result.Constants.Keys, name => name.EndsWith(".scales", StringComparison.Ordinal));
        Assert.Contains(result.Constants.Keys, name => name.Contains("layernorm", StringComparison.Ordinal));
    }

    [Fact]
    public void Tune_StoppedAndResumed_EndsAsIfItHadNotStopped()
    {
        var whole = ScaleTuner.Tune(Float, Quantized, Texts(124), Options);
        using CancellationTokenSource stop = new();
        var resumable = Options with { StateFile = _folder["state.safetensors"] };
        Assert.ThrowsAny<OperationCanceledException>(() => ScaleTuner.Tune(
            Float, Quantized, Texts(124), resumable, new StopAt(stop, 7), stop.Token));

        var resumed = ScaleTuner.Tune(Float, Quantized, Texts(124), resumable);

        Assert.Equal(whole.Steps, resumed.Steps);
        foreach (var (name, values) in whole.Constants)
        {
            Assert.Equal(values, resumed.Constants[name], (x, y) => Math.Abs(x - y) <= 1e-6f * Math.Abs(x));
        }
    }

    [Fact]
    public void Tune_StateOfAnotherModel_IsRefused()
    {
        SafetensorsWriter.Write(
            _folder["state.safetensors"], [SafetensorsEntry.From("other", new[] { 1L }, 1)]);

        var error = Assert.Throws<TrainingException>(() => ScaleTuner.Tune(
            Float, Quantized, Texts(124), Options with { StateFile = _folder["state.safetensors"] }));

        Assert.Contains("Delete it", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tune_FloatGraph_SaysThatNothingCanBeTuned() =>
        Assert.Contains("int4 or int8", Assert.Throws<NotSupportedException>(
            () => ScaleTuner.Tune(Float, Float, Texts(124), Options)).Message, StringComparison.Ordinal);

    [Fact]
    public void Tune_TooFewTexts_SaysHowManyAreNeeded() =>
        Assert.Contains("8 for a step", Assert.Throws<ArgumentException>(
            () => ScaleTuner.Tune(Float, Quantized, Texts(7))).Message, StringComparison.Ordinal);

    public void Dispose() => _folder.Dispose();

    private static int[][] Texts(int count)
    {
        Random random = new(7);
        return
        [
            .. Enumerable.Range(0, count)
                .Select(_ => Enumerable.Range(0, 16).Select(_ => random.Next(200)).ToArray()),
        ];
    }

    private sealed class StopAt(CancellationTokenSource stop, int step) : IProgress<ScaleTuningProgress>
    {
        public void Report(ScaleTuningProgress value)
        {
            if (value.Step == step)
            {
                stop.Cancel();
            }
        }
    }
}
