using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Slipway.Telemetry;

/// <summary>Records what one model does. Thread-safe.</summary>
internal sealed class ModelTelemetry : IDisposable
{
    private static readonly ActivitySource Source = new(SlipwayTelemetry.ActivitySourceName);

    private readonly string model;
    private readonly Meter meter;
    private readonly Counter<long> requests;
    private readonly Counter<long> promptTokens;
    private readonly Counter<long> cachedTokens;
    private readonly Counter<long> outputTokens;
    private readonly Counter<long> draftedTokens;
    private readonly Counter<long> acceptedTokens;
    private readonly Histogram<double> queueTime;
    private readonly Histogram<double> firstToken;
    private readonly Histogram<double> perToken;
    private readonly Histogram<int> batchSize;

    public ModelTelemetry(string model)
    {
        this.model = model;
        meter = new Meter(new MeterOptions(SlipwayTelemetry.MeterName) { Tags = [new("model", model)] });
        requests = meter.CreateCounter<long>("slipway.requests", "{request}", "Requests that ended.");
        promptTokens = meter.CreateCounter<long>("slipway.prompt_tokens", "{token}", "Tokens of prompts.");
        cachedTokens = meter.CreateCounter<long>("slipway.cached_tokens", "{token}", "Prompt tokens that were known.");
        outputTokens = meter.CreateCounter<long>("slipway.output_tokens", "{token}", "Tokens generated.");
        draftedTokens = meter.CreateCounter<long>("slipway.drafted_tokens", "{token}", "Tokens guessed ahead.");
        acceptedTokens = meter.CreateCounter<long>("slipway.accepted_tokens", "{token}", "Guesses that were right.");
        queueTime = meter.CreateHistogram<double>("slipway.queue_time", "s", "From arrival to the start of the prefill.");
        firstToken = meter.CreateHistogram<double>("slipway.time_to_first_token", "s", "From arrival to the first token.");
        perToken = meter.CreateHistogram<double>("slipway.time_per_token", "s", "Between tokens of an answer, the mean.");
        batchSize = meter.CreateHistogram<int>("slipway.batch_size", "{sequence}", "Sequences of a decode step.");
    }

    /// <summary>Lets listeners read the engine's state.</summary>
    public void Observe(Func<int> queued, Func<long> keyValueBytes)
    {
        meter.CreateObservableGauge("slipway.queued", queued, "{request}", "Requests that wait.");
        meter.CreateObservableGauge("slipway.kv_bytes", keyValueBytes, "By", "Bytes of keys and values, prefixes included.");
    }

    /// <summary>Begins a request's span; null where nobody listens.</summary>
    public Activity? Begin()
    {
        var activity = Source.StartActivity("generate");
        activity?.SetTag("model", model);
        return activity;
    }

    public void Step(int sequences) => batchSize.Record(sequences);

    /// <summary>Records a request's end.</summary>
    /// <param name="activity">Its span.</param>
    /// <param name="outcome">How it ended.</param>
    /// <param name="usage">Its usage; null where it did not come to its end.</param>
    public void End(Activity? activity, string outcome, Usage? usage)
    {
        requests.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
        activity?.SetTag("outcome", outcome);
        if (outcome is "failed" or "timeout")
        {
            activity?.SetStatus(ActivityStatusCode.Error);
        }

        if (usage is null)
        {
            return;
        }

        promptTokens.Add(usage.PromptTokens);
        cachedTokens.Add(usage.CachedTokens);
        outputTokens.Add(usage.OutputTokens);
        draftedTokens.Add(usage.DraftedTokens);
        acceptedTokens.Add(usage.AcceptedTokens);
        queueTime.Record(usage.QueueTime.TotalSeconds);
        firstToken.Record(usage.TimeToFirstToken.TotalSeconds);
        if (usage.OutputTokens > 1)
        {
            perToken.Record(usage.DecodeTime.TotalSeconds / (usage.OutputTokens - 1));
        }

        activity?.SetTag("prompt_tokens", usage.PromptTokens);
        activity?.SetTag("cached_tokens", usage.CachedTokens);
        activity?.SetTag("output_tokens", usage.OutputTokens);
    }

    public void Dispose() => meter.Dispose();
}
