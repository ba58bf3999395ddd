namespace Slipway.Text;

/// <summary>Makes text of tokens as they come, never half a character.</summary>
internal interface ITokenText
{
    string Append(int id);

    /// <summary>The text that was held back until now.</summary>
    string Flush();
}

/// <summary>Makes no text, for packages without a tokenizer.</summary>
internal sealed class NoTokenText : ITokenText
{
    public string Append(int id) => "";

    public string Flush() => "";
}
