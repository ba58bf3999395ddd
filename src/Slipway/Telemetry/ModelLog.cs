using Microsoft.Extensions.Logging;

namespace Slipway.Telemetry;

/// <summary>Events of one model. None of them holds a prompt's or an answer's text.</summary>
internal static partial class ModelLog
{
    [LoggerMessage(
        20, LogLevel.Information,
        "The model '{Model}' runs '{File}' on '{Provider}' in {Kernels} kernels, sequences of up to {ContextLength} "
        + "tokens, keys and values of up to {KeyValueBytes} bytes.")]
    public static partial void Runs(
        ILogger logger, string model, string file, string provider, string kernels, int contextLength,
        long keyValueBytes);

    [LoggerMessage(
        21, LogLevel.Warning,
        "The package '{Package}' has a graph of kernels of version {Version}; this library has version {Own}, so the "
        + "slower '{File}' runs. Export the package again.")]
    public static partial void OtherKernelVersion(
        ILogger logger, string package, int? version, int own, string file);

    [LoggerMessage(
        22, LogLevel.Information,
        "A request of the model '{Model}' lost its slot at {Tokens} tokens, for want of memory for keys and values; it "
        + "goes on when there is room. Raise KeyValueCacheBytes, or lower MaxBatchSize.")]
    public static partial void Preempted(ILogger logger, string model, int tokens);

    [LoggerMessage(23, LogLevel.Error, "A request of the model '{Model}' failed at {Tokens} tokens.")]
    public static partial void Failed(ILogger logger, Exception exception, string model, int tokens);

    [LoggerMessage(
        24, LogLevel.Debug,
        "The model '{Model}' gave {Bytes} bytes of keys and values back: {Reason}.")]
    public static partial void GaveBack(ILogger logger, string model, long bytes, string reason);

    [LoggerMessage(
        25, LogLevel.Warning,
        "'{Model}' runs on '{Provider}', as what stands before it in ExecutionProviders cannot run it: {Reasons}")]
    public static partial void FellBack(ILogger logger, string model, string provider, string reasons);
}
