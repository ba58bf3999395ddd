using System.Diagnostics;
using System.Diagnostics.Metrics;
using Slipway.Telemetry;

namespace Slipway.Encoders;

/// <summary>Records what an encoder's requests do. Thread-safe.</summary>
internal sealed class EncoderTelemetry : IDisposable
{
    private readonly string _model;
    private readonly string _operation;
    private readonly Meter _meter;
    private readonly Counter<long> _requests;
    private readonly Counter<long> _texts;
    private readonly Counter<long> _tokens;
    private readonly Histogram<double> _duration;
    private readonly Histogram<int> _batchSize;

    /// <param name="model">The model's name.</param>
    /// <param name="operation">The operation on texts: <c>embeddings</c>, <c>rerank</c>, <c>classify</c>…</param>
    public EncoderTelemetry(string model, string operation)
    {
        (_model, _operation) = (model, operation);
        _meter = new Meter(new MeterOptions(SlipwayTelemetry.MeterName)
        {
            Tags = [new("model", model), new("operation", operation)],
        });
        _requests = _meter.CreateCounter<long>("slipway.encoder.requests", "{request}", "Requests that ended.");
        _texts = _meter.CreateCounter<long>("slipway.encoder.texts", "{text}", "Texts or pairs of them.");
        _tokens = _meter.CreateCounter<long>("slipway.encoder.tokens", "{token}", "Tokens of texts.");
        _duration = _meter.CreateHistogram<double>("slipway.encoder.duration", "s", "From arrival to the answer.");
        _batchSize = _meter.CreateHistogram<int>("slipway.encoder.batch_size", "{text}", "Texts of a run.");
    }

    public void Batch(int texts) => _batchSize.Record(texts);

    /// <summary>Runs a request within a span and records its end.</summary>
    /// <param name="texts">How many texts it has.</param>
    /// <param name="tokens">How many tokens they have.</param>
    /// <param name="run">The request.</param>
    public async Task RecordAsync(int texts, long tokens, Func<Task> run)
    {
        using var activity = SlipwayTelemetry.Begin(_operation, _model);
        activity?.SetTag("gen_ai.usage.input_tokens", tokens).SetTag("texts", texts);
        var started = Stopwatch.GetTimestamp();
        var outcome = "failed";
        try
        {
            await run().ConfigureAwait(false);
            outcome = "done";
            _texts.Add(texts);
            _tokens.Add(tokens);
            _duration.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
        catch (Exception exception)
        {
            activity?.SetTag("error.type", exception.GetType().FullName);
            if (exception is OperationCanceledException)
            {
                outcome = "cancelled";
            }

            throw;
        }
        finally
        {
            _requests.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
            activity?.SetTag("outcome", outcome);
            if (outcome == "failed")
            {
                activity?.SetStatus(ActivityStatusCode.Error);
            }
        }
    }

    public void Dispose() => _meter.Dispose();
}
