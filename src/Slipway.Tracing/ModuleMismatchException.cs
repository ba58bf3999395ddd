namespace Slipway.Tracing;

/// <summary>Says that an exported graph differs from its module, at which sizes and in what.</summary>
/// <param name="message">What differs, by how much, and what to do.</param>
/// <param name="inner">The reason in ONNX Runtime, or null.</param>
public sealed class ModuleMismatchException(string message, Exception? inner = null) : Exception(message, inner);
