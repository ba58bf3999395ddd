namespace Slipway;

/// <summary>Says why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>The model ended its answer, or a stop sequence came up.</summary>
    Stop,

    /// <summary>The request's limit of new tokens or the context's end was reached.</summary>
    Length,
}
