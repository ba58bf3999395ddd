namespace Slipway.Cli;

/// <summary>Says what is wrong with what a person gave to a verb.</summary>
internal sealed class UsageException(string message) : Exception(message);
