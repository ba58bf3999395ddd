namespace Slipway.Telemetry;

/// <summary>Names the sources of measurements and spans.</summary>
public static class SlipwayTelemetry
{
    /// <summary>The name of the <see cref="System.Diagnostics.Metrics.Meter"/>.</summary>
    /// <remarks>
    /// Counters <c>slipway.requests</c> (tag <c>outcome</c>: stop, length, cancelled, timeout, failed, refused),
    /// <c>slipway.prompt_tokens</c>, <c>slipway.cached_tokens</c>, <c>slipway.output_tokens</c>,
    /// <c>slipway.drafted_tokens</c>, <c>slipway.accepted_tokens</c>; histograms
    /// <c>slipway.queue_time</c>, <c>slipway.time_to_first_token</c>, <c>slipway.time_per_token</c> in seconds and
    /// <c>slipway.batch_size</c> in sequences; gauges <c>slipway.queued</c> in requests and <c>slipway.kv_bytes</c>.
    /// All carry the tag <c>model</c>, the package folder's name.
    /// </remarks>
    public const string MeterName = "Slipway";

    /// <summary>
    /// The name of the <see cref="System.Diagnostics.ActivitySource"/>: a span <c>generate</c> a request.
    /// </summary>
    public const string ActivitySourceName = "Slipway";

    /// <summary>The <see cref="AppContext"/> switch that leaves ONNX Runtime's own telemetry on.</summary>
    /// <value>Off: nothing is written into the home folder, and nothing is sent.</value>
    /// <remarks>
    /// ONNX Runtime has one environment a process, so this is no option of a model: set the switch before the first one
    /// is loaded, by <see cref="AppContext.SetSwitch"/> or as a <c>RuntimeHostConfigurationOption</c> of the project.
    /// </remarks>
    public const string OnnxRuntimeSwitch = "Slipway.OnnxRuntimeTelemetry";
}
