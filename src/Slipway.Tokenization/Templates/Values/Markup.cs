namespace Slipway.Tokenization.Templates.Values;

/// <summary>A text that <c>safe</c> or <c>escape</c> made: texts that are joined to it are escaped.</summary>
/// <remarks>
/// Templates of chats escape nothing by themselves, so only these filters make one. Source: MarkupSafe.
/// </remarks>
internal sealed record Markup(string Text)
{
    public static string Escape(string text)
    {
        Work.Characters(text.Length * 2L);
        return text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal)
            .Replace("'", "&#39;", StringComparison.Ordinal);
    }

    /// <summary>The text of a value as it is joined to a markup.</summary>
    public static string Escape(object? value) => value is Markup markup ? markup.Text : Escape(PythonText.Str(value));
}
