namespace Slipway.Tokenization.Templates.Values;

/// <summary>A name or key that is not there. It prints as nothing and is false.</summary>
internal sealed record Undefined(string Message);
