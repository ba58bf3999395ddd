using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine.Scheduling;

/// <summary>Says to a caller what went wrong in a step.</summary>
internal static class EngineErrors
{
    public static Exception Explain(Sequence sequence, Exception cause) => cause switch
    {
        OnnxRuntimeException => new InvalidOperationException(
            $"The model failed at token '{sequence.ComputedTokens}' of a sequence: {cause.Message} Other requests go "
            + "on; try this one again.",
            cause),
        OutOfMemoryException => new InvalidOperationException(
            $"There is no memory for a sequence of '{sequence.Tokens.Length}' tokens. Lower MaxBatchSize, "
            + "ContextLength or KeyValueCacheBytes.",
            cause),
        _ => cause,
    };
}
