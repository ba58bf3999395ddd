namespace Slipway;

/// <summary>Says that a prompt has more tokens than a model's context has room for.</summary>
public sealed class ContextLengthException : ArgumentException
{
    /// <summary>Creates the exception without figures.</summary>
    public ContextLengthException()
        : this("The prompt is longer than the model's context. Shorten it.")
    {
    }

    /// <summary>Creates the exception without figures.</summary>
    /// <param name="message">What is wrong and what to do.</param>
    public ContextLengthException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception without figures.</summary>
    /// <param name="message">What is wrong and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public ContextLengthException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal ContextLengthException(string message, string parameter, int promptTokens, int contextLength)
        : base(message, parameter)
        => (PromptTokens, ContextLength) = (promptTokens, contextLength);

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens { get; }

    /// <summary>The longest sequence in tokens, prompt and answer together.</summary>
    public int ContextLength { get; }
}
