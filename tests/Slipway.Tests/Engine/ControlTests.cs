using System.Diagnostics;
using System.Diagnostics.Metrics;
using Slipway.Telemetry;

namespace Slipway.Tests.Engine;

public sealed class ControlTests
{
    [Fact]
    public async Task Timeout_PassesWhileDecoding_EndsTheRequestAloneWithTimeoutException()
    {
        var clock = new ManualTime();
        using var model = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"), new() { TimeProvider = clock });
        var request = new GenerationRequest { PromptIds = [3, 4, 5], MaxOutputTokens = 12, IgnoreEndOfSequence = true };
        var other = model.CollectAsync(request);
        var limited = request with
        {
            Timeout = TimeSpan.FromSeconds(5),
            LogitsProcessors = [new Trigger(4, clock.Fire)],
        };
        var error = await Assert.ThrowsAsync<TimeoutException>(() => model.CollectAsync(limited));
        Assert.Equal(
            "The request did not end within its time of '00:00:05'. Raise Timeout, ask for fewer tokens, or send fewer "
            + "requests at once.",
            error.Message);
        Assert.Equal(12, (await other).Count);
        Assert.Equal(12, (await model.CollectAsync(request with { Timeout = TimeSpan.FromSeconds(5) })).Count);
    }

    [Fact]
    public async Task Timeout_OutOfRange_IsRefused()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"));
        var request = new GenerationRequest { PromptIds = [3], Timeout = TimeSpan.Zero };
        var error = await Assert.ThrowsAsync<ArgumentException>(() => model.CollectAsync(request));
        Assert.Equal(
            "Timeout is '00:00:00'; expected more than zero and at most a day, or null for no limit. (Parameter "
            + "'request')",
            error.Message);
    }

    /// <summary>
    /// A step that moves rows is long already: those that decode come before the prompt that it was for.
    /// </summary>
    [Fact]
    public async Task Prompt_NeedsRowsMoved_WaitsForThoseThatDecode()
    {
        var faults = new Faults();
        using var model = LanguageModel.Load(
            PackageCases.Folder("qwen3-fp32"), null, decoder => new FaultyDecoder(decoder, faults));
        var request = new GenerationRequest { PromptIds = [3, 4, 5], MaxOutputTokens = 12, IgnoreEndOfSequence = true };
        Task? newcomer = null;
        await model.CollectAsync(request with { LogitsProcessors = [new Trigger(5, Send)] });
        await newcomer!;

        var moved = faults.Calls.LastIndexOf("resize");
        Assert.True(moved > faults.Calls.IndexOf("decode"));
        Assert.Equal(["resize", "decode", "prefill"], faults.Calls[moved..(moved + 3)]);

        void Send() => newcomer = model.CollectAsync(
            request with { PromptIds = [.. Enumerable.Range(3, 90)], LogitsProcessors = [] });
    }

    [Fact]
    public async Task Drain_WhileBusy_FinishesWhatRunsAndRefusesWhatComes()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"));
        Task? drain = null;
        var request = new GenerationRequest
        {
            PromptIds = [3, 4, 5],
            MaxOutputTokens = 20,
            IgnoreEndOfSequence = true,
            LogitsProcessors = [new Trigger(3, () => drain = model.DrainAsync())],
        };
        var tokens = await model.CollectAsync(request);
        Assert.Equal(20, tokens.Count);
        await drain!;
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => model.CollectAsync(request));
        Assert.Equal(
            "The model is being drained and takes no new requests. Send them to another one, or load it again.",
            error.Message);
    }

    [Fact]
    public async Task Telemetry_Requests_AreCountedAndSpanned()
    {
        var sums = new Dictionary<string, double>();
        var outcomes = new List<string>();
        using var folder = new Slipway.Testing.TemporaryFolder();
        var package = Path.Combine(folder.Path, "telemetry-model");
        Directory.CreateDirectory(package);
        foreach (var path in Directory.GetFiles(PackageCases.Folder("qwen3-fp32")))
        {
            File.WriteAllBytes(Path.Combine(package, Path.GetFileName(path)), File.ReadAllBytes(path));
        }

        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, owner) =>
            {
                if (instrument.Meter.Name == SlipwayTelemetry.MeterName
                    && instrument.Meter.Tags!.Any(tag => (string?)tag.Value == "telemetry-model"))
                {
                    owner.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value));
        listener.Start();
        using var spans = new ActivityListener
        {
            ShouldListenTo = source => source.Name == SlipwayTelemetry.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if ((string?)activity.GetTagItem("gen_ai.request.model") == "telemetry-model")
                {
                    outcomes.Add((string)activity.GetTagItem("outcome")!);
                }
            },
        };
        ActivitySource.AddActivityListener(spans);

        using var model = LanguageModel.Load(package);
        var request = new GenerationRequest
        {
            PromptIds = [.. Enumerable.Range(3, 40)], MaxOutputTokens = 5, IgnoreEndOfSequence = true,
        };
        await model.CollectAsync(request);
        await model.CollectAsync(request);
        await foreach (var token in model.GenerateAsync(request))
        {
            break;
        }

        listener.RecordObservableInstruments();
        Assert.Equal(["length", "length", "cancelled"], outcomes);
        Assert.Equal(3, sums["slipway.requests"]);
        Assert.Equal(80, sums["slipway.prompt_tokens"]);
        Assert.Equal(32, sums["slipway.cached_tokens"]);
        Assert.Equal(10, sums["slipway.output_tokens"]);
        Assert.Equal(0, sums["slipway.drafted_tokens"]);
        Assert.Equal(0, sums["slipway.accepted_tokens"]);
        Assert.Equal(0, sums["slipway.queued"]);
        Assert.True(sums["slipway.kv_bytes"] > 0);
        Assert.True(sums["slipway.batch_size"] >= 8);
        Assert.True(sums["gen_ai.server.time_to_first_token"] > 0);
        Assert.True(sums["gen_ai.server.time_per_output_token"] > 0);

        void Add(Instrument instrument, double value)
        {
            lock (sums)
            {
                sums[instrument.Name] = sums.GetValueOrDefault(instrument.Name) + value;
            }
        }
    }
}
