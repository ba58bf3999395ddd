using System.Text.RegularExpressions;

namespace Slipway.Tokenization.Files;

/// <summary>The <c>{"Regex": …}</c> or <c>{"String": …}</c> of a tokenizer file.</summary>
internal static class Pattern
{
    private const int MaximumLength = 16_384;

    // Backtracking patterns are stopped after this long on one match; published patterns take microseconds.
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
        if (pattern.Length > MaximumLength)
        {
            throw section.Error(
                $"'{section.Path}' holds a pattern of {pattern.Length} characters; expected at most {MaximumLength}.");
        }

        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant, Timeout);
        }
        catch (Exception exception) when (exception is ArgumentException or InsufficientExecutionStackException)
        {
            throw new TokenizerFormatException(
                $"Tokenizer '{section.Source}': '{section.Path}' holds the pattern '{Quoted.Short(pattern)}', which is "
                + $"not a valid regular expression: {Reason(exception)}", section.Source, exception);
        }
    }

    // .NET's message repeats the pattern; what is wrong stands behind it.
    private static string Reason(Exception exception) => exception is RegexParseException parse
        ? $"{parse.Error} at {parse.Offset}." : "it is nested too deeply.";

    /// <summary>Runs a pattern and says which one it was where it takes too long.</summary>
    public static T Guard<T>(Func<T> match, Regex pattern, string text, string? source)
    {
        try
        {
            return match();
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw new TokenizerFormatException(
                $"Tokenizer '{source}': the pattern '{Quoted.Short(pattern.ToString())}' did not finish on a text of "
                + $"{text.Length} characters in time. It backtracks without end; use a file whose pattern does "
                + "not.", source
                    ?? string.Empty, exception);
        }
    }
}
