using System.Text.RegularExpressions;
using Slipway.Tokenization.Files.Patterns;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Files;

/// <summary>The <c>{"Regex": …}</c> or <c>{"String": …}</c> of a tokenizer file.</summary>
internal sealed class Pattern
{
    private const int MaximumLength = 16_384, MaximumGrowth = 1 << 26;

    // Backtracking patterns are stopped after this long on one match; published patterns take microseconds.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly string? _literal;
    private readonly string _source;

    private Pattern(Regex regex, string? literal, bool readsProperties, string source) =>
        (Regex, _literal, ReadsProperties, _source) = (regex, literal, readsProperties, source);

    /// <summary>The pattern; matching may take too long, which <see cref="TimedOut"/> reports.</summary>
    public Regex Regex { get; }

    /// <summary>Tells whether the pattern may ask for more of a character than its category.</summary>
    public bool ReadsProperties { get; }

    /// <summary>A pattern of the library's own.</summary>
    public static Pattern BuiltIn(Regex regex) => new(regex, null, readsProperties: false, string.Empty);

    public static Pattern Parse(Section section)
    {
        if (section["String"] is { IsNull: false } text)
        {
            var literal = text.AsString();
            return new Pattern(
                new Regex(Regex.Escape(literal), RegexOptions.CultureInvariant, Timeout),
                literal.Length > 0 ? literal : null, readsProperties: false, section.Source);
        }

        var pattern = section["Regex"].AsString();
        var regex = Compile(pattern, section);
        return new Pattern(regex, null, regex.ToString() != pattern, section.Source);
    }

    /// <summary>Puts a text in the place of every match.</summary>
    /// <exception cref="TokenizerFormatException">
    /// The pattern takes too long, or the text grows beyond measure, as a row of replacements can make it.
    /// </exception>
    public string Replace(string text, string content)
    {
        try
        {
            if ((text.Length + 1L) * content.Length > MaximumGrowth)
            {
                CheckGrowth(text, content);
            }

            return _literal is not null ? text.Replace(_literal, content, StringComparison.Ordinal)
                : Regex.Replace(text, _ => content);
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

    private void CheckGrowth(string text, string content)
    {
        var matches = _literal is null ? Regex.Count(text) : text.AsSpan().Count(_literal);
        if (matches * (long)(content.Length - (_literal?.Length ?? 0)) > MaximumGrowth)
        {
            throw new TokenizerFormatException(
                $"Tokenizer '{_source}': the replacement of '{Quoted.Short(Regex.ToString())}' by "
                + $"'{Quoted.Short(content)}' makes a text of {text.Length} characters grow by more than "
                + $"{MaximumGrowth}. Use a file whose replacements do not grow a text, or a shorter text.", _source);
        }
    }

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
            // Anchors hold at every line, as in Oniguruma.
            return new Regex(
                PatternTranslation.Translate(pattern, section),
                RegexOptions.CultureInvariant | RegexOptions.Multiline, Timeout);
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
