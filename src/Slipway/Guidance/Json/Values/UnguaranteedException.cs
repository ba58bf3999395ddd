namespace Slipway.Guidance.Json.Values;

/// <summary>
/// Says which part of a schema cannot be guaranteed; where it stands is added by who reads the schema.
/// </summary>
internal sealed class UnguaranteedException(string part) : NotSupportedException(part)
{
    public string Part => Message;
}
