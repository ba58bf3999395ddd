using System.Text.RegularExpressions;

namespace Slipway.Tokenization.Files;

/// <summary>The <c>{"Regex": …}</c> or <c>{"String": …}</c> of a tokenizer file.</summary>
internal static class Pattern
{
    // Backtracking patterns are stopped after this long on one text; published patterns take microseconds.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    public static Regex Parse(Section section)
    {
        if (section["String"] is { IsNull: false } text)
        {
            return new Regex(Regex.Escape(text.AsString()), RegexOptions.CultureInvariant, Timeout);
        }

        return Compile(section["Regex"].AsString(), section);
    }

    public static Regex Compile(string pattern, Section section)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant, Timeout);
        }
        catch (ArgumentException exception)
        {
            throw new TokenizerFormatException(
                $"Tokenizer '{section.Source}': '{section.Path}' holds the pattern '{pattern}', which is not a valid " +
                $"regular expression: {exception.Message}", section.Source, exception);
        }
    }
}
