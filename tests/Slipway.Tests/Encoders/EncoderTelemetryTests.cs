using System.Diagnostics;
using System.Diagnostics.Metrics;
using Slipway.Telemetry;
using Slipway.Testing;

namespace Slipway.Tests.Encoders;

public sealed class EncoderTelemetryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Classify_Requests_AreCountedAndHaveSpans()
    {
        const string model = "telemetry-of-encoders";
        Dictionary<string, double> sums = [];
        List<Activity> spans = [];
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == SlipwayTelemetry.MeterName
                    && instrument.Meter.Tags!.Contains(new("model", model)))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        meters.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, 1, tags));
        meters.Start();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == SlipwayTelemetry.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span =>
            {
                if ((string?)span.GetTagItem("gen_ai.request.model") == model)
                {
                    spans.Add(span);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        using var classifier = new OnnxTextClassifier(new OnnxTextClassifierOptions
        {
            PackagePath = TinyEncoders.Export("qwen3-classifier", _folder), ModelId = model,
        });

        await classifier.ClassifyAsync(["t1 t2 t3", "t4"], TestContext.Current.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            using var source = new CancellationTokenSource();
            var running = classifier.ClassifyAsync(
                Enumerable.Repeat(string.Join(' ', Enumerable.Repeat("t9", 100)), 2000), source.Token);
            await Task.Delay(50, TestContext.Current.CancellationToken);
            await source.CancelAsync();
            await running;
        });

        Assert.Equal(1, sums["slipway.encoder.requests done"]);
        Assert.Equal(2, sums["slipway.encoder.texts"]);
        Assert.Equal(4, sums["slipway.encoder.tokens"]);
        Assert.Equal(1, sums["slipway.encoder.duration"]);
        Assert.True(sums["slipway.encoder.batch_size"] >= 2);
        var span = spans.First();
        Assert.Equal(
            ($"classify {model}", "classify", "done", 2, 4L),
            (span.OperationName, span.GetTagItem("gen_ai.operation.name"), span.GetTagItem("outcome"),
                span.GetTagItem("texts"), span.GetTagItem("gen_ai.usage.input_tokens")));

        void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var name = tags.Length > 0 ? $"{instrument.Name} {tags[0].Value}" : instrument.Name;
            lock (sums)
            {
                sums[name] = sums.GetValueOrDefault(name) + value;
            }
        }
    }
}
