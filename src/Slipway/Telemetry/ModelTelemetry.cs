using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Slipway.Engine.Execution;

namespace Slipway.Telemetry;

/// <summary>Records what one model does: measurements, spans and log events. Thread-safe.</summary>
internal sealed class ModelTelemetry : IDisposable
{
    private const string Operation = "text_completion";
    private readonly string _model;
    private readonly ILogger _logger;
    private readonly Meter _meter;
    private readonly Counter<long> _requests;
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _cachedTokens;
    private readonly Counter<long> _outputTokens;
    private readonly Counter<long> _draftedTokens;
    private readonly Counter<long> _acceptedTokens;
    private readonly Counter<long> _preemptions;
    private readonly Histogram<double> _queueTime;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _perToken;
    private readonly TagList _tags;
    private readonly Histogram<int> _batchSize;

    public ModelTelemetry(string model, ILoggerFactory? loggerFactory)
    {
        _model = model;
        _logger = loggerFactory?.CreateLogger<LanguageModel>() ?? (ILogger)NullLogger.Instance;
        _meter = new Meter(new MeterOptions(SlipwayTelemetry.MeterName) { Tags = [new("model", model)] });
        _requests = _meter.CreateCounter<long>("slipway.requests", "{request}", "Requests that ended.");
        _promptTokens = _meter.CreateCounter<long>("slipway.prompt_tokens", "{token}", "Tokens of prompts.");
        _cachedTokens = _meter.CreateCounter<long>(
            "slipway.cached_tokens", "{token}", "Prompt tokens that were known.");
        _outputTokens = _meter.CreateCounter<long>("slipway.output_tokens", "{token}", "Tokens generated.");
        _draftedTokens = _meter.CreateCounter<long>("slipway.drafted_tokens", "{token}", "Tokens guessed ahead.");
        _acceptedTokens = _meter.CreateCounter<long>("slipway.accepted_tokens", "{token}", "Guesses that were right.");
        _preemptions = _meter.CreateCounter<long>(
            "slipway.preemptions", "{request}", "Requests that lost their slot to others.");
        _queueTime = _meter.CreateHistogram<double>(
            "slipway.queue_time", "s", "From arrival to the start of the prefill.");
        _tags = [.. SlipwayTelemetry.Tags(Operation, model)];
        _duration = Server(
            "request.duration", "From arrival to the last token.",
            [.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]);
        _firstToken = Server(
            "time_to_first_token", "From arrival to the first token.",
            [.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10]);
        _perToken = Server(
            "time_per_output_token", "Between tokens of an answer, the mean.",
            [.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5]);
        _batchSize = _meter.CreateHistogram<int>("slipway.batch_size", "{sequence}", "Sequences of a decode step.");
    }

    /// <summary>Lets listeners read the engine's state.</summary>
    public void Observe(Func<int> queued, Func<int> running, Func<long> keyValueBytes)
    {
        _meter.CreateObservableGauge(
            "slipway.running", running, "{request}", "Requests that have a slot of the cache.");
        _meter.CreateObservableGauge("slipway.queued", queued, "{request}", "Requests that wait.");
        _meter.CreateObservableGauge(
            "slipway.kv_bytes", keyValueBytes, "By", "Bytes of keys and values, prefixes included.");
    }

    /// <summary>Tells which graph a model runs, and within which bounds.</summary>
    public void Runs(OpenedDecoder opened, int contextLength, long keyValueBytes)
        => ModelLog.Runs(
            _logger, _model, Path.GetFileName(opened.Path), opened.Provider, opened.Kernels, contextLength,
            keyValueBytes);

    /// <summary>Records that a sequence lost its slot.</summary>
    public void Preempted(int tokens)
    {
        _preemptions.Add(1);
        ModelLog.Preempted(_logger, _model, tokens);
    }

    /// <summary>Records that a sequence failed by an error of the model's, or of a processor.</summary>
    public void Failed(Exception exception, int tokens) => ModelLog.Failed(_logger, exception, _model, tokens);

    /// <summary>Records that memory of keys and values was given back.</summary>
    public void GaveBack(long bytes, string reason)
    {
        if (bytes > 0)
        {
            ModelLog.GaveBack(_logger, _model, bytes, reason);
        }
    }

    /// <summary>Begins a request's span; null where nobody listens.</summary>
    public Activity? Begin() => SlipwayTelemetry.Begin(Operation, _model);

    public void Step(int sequences) => _batchSize.Record(sequences);

    /// <summary>Records a request's end.</summary>
    /// <param name="activity">Its span.</param>
    /// <param name="outcome">How it ended.</param>
    /// <param name="usage">Its usage; null where it did not come to its end.</param>
    public void End(Activity? activity, string outcome, Usage? usage)
    {
        _requests.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
        activity?.SetTag("outcome", outcome);
        if (outcome is "failed" or "timeout")
        {
            activity?.SetStatus(ActivityStatusCode.Error).SetTag("error.type", outcome);
        }

        if (usage is null)
        {
            return;
        }

        _promptTokens.Add(usage.PromptTokens);
        _cachedTokens.Add(usage.CachedTokens);
        _outputTokens.Add(usage.OutputTokens);
        _draftedTokens.Add(usage.DraftedTokens);
        _acceptedTokens.Add(usage.AcceptedTokens);
        _queueTime.Record(usage.QueueTime.TotalSeconds);
        _duration.Record((usage.TimeToFirstToken + usage.DecodeTime).TotalSeconds, _tags);
        _firstToken.Record(usage.TimeToFirstToken.TotalSeconds, _tags);
        if (usage.OutputTokens > 1)
        {
            _perToken.Record(usage.DecodeTime.TotalSeconds / (usage.OutputTokens - 1), _tags);
        }

        activity?.SetTag("gen_ai.response.model", _model)
            .SetTag("gen_ai.response.finish_reasons", new[] { outcome })
            .SetTag("gen_ai.usage.input_tokens", usage.PromptTokens)
            .SetTag("gen_ai.usage.output_tokens", usage.OutputTokens)
            .SetTag("gen_ai.usage.cache_read.input_tokens", usage.CachedTokens);
    }

    public void Dispose() => _meter.Dispose();

    // Names and bounds are those of OpenTelemetry's conventions for servers of generative AI.
    private Histogram<double> Server(string name, string description, double[] bounds) => _meter.CreateHistogram(
        $"gen_ai.server.{name}", "s", description, tags: null,
        new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });
}
