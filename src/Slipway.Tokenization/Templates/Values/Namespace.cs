namespace Slipway.Tokenization.Templates.Values;

/// <summary>The result of <c>namespace()</c>: the only object whose attributes can be set.</summary>
internal sealed class Namespace(TemplateDictionary attributes) : IAttributes
{
    public TemplateDictionary Attributes => attributes;

    public bool TryGet(string attribute, out object? value) => attributes.TryGet(attribute, out value);
}
