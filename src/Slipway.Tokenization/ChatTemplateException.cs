namespace Slipway.Tokenization;

/// <summary>A chat template is not valid, refuses its input, or goes past a limit.</summary>
public sealed class ChatTemplateException : Exception
{
    private const int MaxMessage = 2000;

    /// <summary>Makes the exception.</summary>
    /// <param name="message">What is wrong; the line is added.</param>
    /// <param name="line">The line of the template, from 1.</param>
    public ChatTemplateException(string message, int line)
        : base($"Chat template, line {line}: {Shorten(message)}") => Line = line;

    internal ChatTemplateException(ChatTemplateException cause)
        : base(cause.Message, cause) => Line = cause.Line;

    /// <summary>The line of the template, from 1.</summary>
    public int Line { get; }

    private static string Shorten(string message) =>
        message is null || message.Length <= MaxMessage ? message ?? string.Empty : message[..MaxMessage] + "…";
}
