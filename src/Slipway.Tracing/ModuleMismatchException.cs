namespace Slipway.Tracing;

/// <summary>Says that an exported graph differs from its module, at which sizes and in what.</summary>
/// <param name="message">What differs, by how much, and what to do.</param>
public sealed class ModuleMismatchException(string message) : Exception(message);
