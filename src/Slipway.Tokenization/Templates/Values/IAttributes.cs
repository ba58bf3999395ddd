namespace Slipway.Tokenization.Templates.Values;

/// <summary>An object that has attributes of its own.</summary>
internal interface IAttributes
{
    bool TryGet(string attribute, out object? value);
}
