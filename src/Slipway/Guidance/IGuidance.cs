namespace Slipway.Guidance;

/// <summary>Marks the processor whose word is final: what it forbids must not come, whatever others leave.</summary>
internal interface IGuidance : ILogitsProcessor;
