using System.Diagnostics;

namespace Slipway.Telemetry;

/// <summary>Names the sources of measurements and spans.</summary>
public static class SlipwayTelemetry
{
    /// <summary>The name of the <see cref="System.Diagnostics.Metrics.Meter"/>.</summary>
    /// <remarks>
    /// Counters <c>slipway.requests</c> (tag <c>outcome</c>: stop, length, cancelled, timeout, failed, refused),
    /// <c>slipway.prompt_tokens</c>, <c>slipway.cached_tokens</c>, <c>slipway.output_tokens</c>,
    /// <c>slipway.drafted_tokens</c>, <c>slipway.accepted_tokens</c>, <c>slipway.preemptions</c>; histograms
    /// <c>gen_ai.server.request.duration</c>, <c>gen_ai.server.time_to_first_token</c> and
    /// <c>gen_ai.server.time_per_output_token</c> as OpenTelemetry's conventions have them,
    /// <c>slipway.queue_time</c> in seconds and <c>slipway.batch_size</c> in sequences; gauges
    /// <c>slipway.queued</c> and <c>slipway.running</c> in requests and <c>slipway.kv_bytes</c>.
    /// All carry the tag <c>model</c>, the package folder's name. Embedding generators, rerankers and classifiers have
    /// the tag <c>operation</c> too (embeddings, rerank, classify, classify_tokens): counters
    /// <c>slipway.encoder.requests</c> (tag <c>outcome</c>: done, cancelled, failed), <c>slipway.encoder.texts</c> and
    /// <c>slipway.encoder.tokens</c>; histograms <c>slipway.encoder.duration</c> in seconds and
    /// <c>slipway.encoder.batch_size</c> in texts.
    /// </remarks>
    public const string MeterName = "Slipway";

    /// <summary>
    /// The name of the <see cref="System.Diagnostics.ActivitySource"/>, whose spans follow OpenTelemetry's conventions
    /// for generative AI.
    /// </summary>
    /// <remarks>
    /// A span <c>chat MODEL</c> a request of a chat client, unless a pipeline's <c>UseOpenTelemetry()</c> has begun
    /// one, and inside of it a span <c>text_completion MODEL</c> a request of the engine. Their attributes are
    /// <c>gen_ai.operation.name</c>, <c>gen_ai.provider.name</c> (<c>onnx</c>), <c>gen_ai.request.*</c>,
    /// <c>gen_ai.response.*</c>, <c>gen_ai.usage.*</c>, <c>error.type</c>, and the engine's <c>outcome</c> as the
    /// counter of requests has it. Embedding generators, rerankers and classifiers have a span of their operation,
    /// <c>embeddings MODEL</c> and so on, a request. They hold no content; <c>UseOpenTelemetry()</c> records it where
    /// that is asked for.
    /// </remarks>
    public const string ActivitySourceName = "Slipway";

    /// <summary>The <see cref="AppContext"/> switch that leaves ONNX Runtime's own telemetry on.</summary>
    /// <value>Off: nothing is written into the home folder, and nothing is sent.</value>
    /// <remarks>
    /// ONNX Runtime has one environment a process, so this is no option of a model: set the switch before the first one
    /// is loaded, by <see cref="AppContext.SetSwitch"/> or as a <c>RuntimeHostConfigurationOption</c> of the project.
    /// </remarks>
    public const string OnnxRuntimeSwitch = "Slipway.OnnxRuntimeTelemetry";

    private static readonly ActivitySource Source = new(ActivitySourceName);

    /// <summary>Begins a span; null where nobody listens.</summary>
    /// <param name="operation">The operation, as OpenTelemetry's conventions name it.</param>
    /// <param name="model">The model.</param>
    internal static Activity? Begin(string operation, string model)
        => Source.StartActivity(
            $"{operation} {model}", ActivityKind.Internal, parentContext: default, tags: Tags(operation, model));

    /// <summary>Gives what all spans and measurements of an operation carry.</summary>
    internal static KeyValuePair<string, object?>[] Tags(string operation, string model) =>
    [
        new("gen_ai.operation.name", operation),
        new("gen_ai.provider.name", "onnx"),
        new("gen_ai.request.model", model),
    ];
}
