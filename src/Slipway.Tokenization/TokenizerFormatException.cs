namespace Slipway.Tokenization;

/// <summary>A tokenizer file is damaged, contradicts itself or asks for something that is not known.</summary>
public sealed class TokenizerFormatException : IOException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What is wrong, where, and what to do.</param>
    /// <param name="path">The file.</param>
    /// <param name="innerException">The cause, where there is one.</param>
    public TokenizerFormatException(string message, string path, Exception? innerException = null)
        : base(message, innerException) => Path = path;

    /// <summary>The file, or the name that its contents were given.</summary>
    public string Path { get; }
}
