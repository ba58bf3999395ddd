namespace Slipway.Guidance.Json;

/// <summary>Says that a schema asks for nothing but itself.</summary>
internal sealed class SchemaLoopException(string message) : ArgumentException(message);
