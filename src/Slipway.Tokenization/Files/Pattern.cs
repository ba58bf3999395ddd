using System.Text.RegularExpressions;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Files;

/// <summary>The <c>{"Regex": …}</c> or <c>{"String": …}</c> of a tokenizer file.</summary>
internal sealed class Pattern
{
    private const int MaximumLength = 16_384;

    // Backtracking patterns are stopped after this long on one match; published patterns take microseconds.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly string? _literal;
    private readonly string _source;

    private Pattern(Regex regex, string? literal, string source) =>
        (Regex, _literal, _source) = (regex, literal, source);

    /// <summary>The pattern; matching may take too long, which <see cref="TimedOut"/> reports.</summary>
    public Regex Regex { get; }

    /// <summary>A pattern of the library's own.</summary>
    public static Pattern BuiltIn(Regex regex) => new(regex, null, string.Empty);

    public static Pattern Parse(Section section)
    {
        if (section["String"] is { IsNull: false } text)
        {
            var literal = text.AsString();
            return new Pattern(
                new Regex(Regex.Escape(literal), RegexOptions.CultureInvariant, Timeout),
                literal.Length > 0 ? literal : null, section.Source);
        }

        return new Pattern(Compile(section["Regex"].AsString(), section), null, section.Source);
    }

    /// <summary>Puts a text in the place of every match.</summary>
    /// <exception cref="TokenizerFormatException">The pattern takes too long.</exception>
    public string Replace(string text, string content)
    {
        if (_literal is not null)
        {
            return text.Replace(_literal, content, StringComparison.Ordinal);
        }

        try
        {
            return Regex.Replace(text, _ => content);
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw TimedOut(text.Length, exception);
        }
    }

    /// <summary>The error that says which pattern took too long.</summary>
    public TokenizerFormatException TimedOut(int length, RegexMatchTimeoutException exception) => new(
        $"Tokenizer '{_source}': the pattern '{Quoted.Short(Regex.ToString())}' did not finish on a text of "
        + $"{length} characters in time. It backtracks without end; use a file whose pattern does not.",
        _source, exception);

    private static Regex Compile(string pattern, Section section)
    {
        if (pattern.Length > MaximumLength)
        {
            throw section.Error(
                $"'{section.Path}' holds a pattern of {pattern.Length} characters; expected at most {MaximumLength}.");
        }

        if (PublishedPatterns.Find(pattern) is { } published)
        {
            return published;
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
}
