namespace Slipway.Onnx;

/// <summary>Says that an <c>.onnx</c> file cannot be read.</summary>
public class OnnxException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file.</param>
    /// <param name="message">What is wrong, what was expected and what to do.</param>
    /// <param name="innerException">What found it.</param>
    public OnnxException(string path, string message, Exception? innerException = null)
        : base(message, innerException) => Path = path;

    /// <summary>The file.</summary>
    public string Path { get; }
}
